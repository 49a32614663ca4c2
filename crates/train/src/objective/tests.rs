//! Losses of tensors against those of numbers, and those of PyTorch.

use super::*;

fn objective(decoder: Decoder, loss: LossParams, smoothing: f64) -> Objective {
    Objective {
        decoder,
        loss,
        smoothing,
        weights: None,
        outputs: 1,
    }
}

fn regression() -> Decoder {
    Decoder::Regression {
        quantity: Quantity::Stars,
        scale: TargetScale {
            offset: 5.0,
            factor: 2.0,
        },
    }
}

fn assert_same(objective: &Objective, outputs: &[f32], label: f64, target: Tensor) {
    let tensor = Tensor::from_slice(outputs).view([1, -1]);
    let of_tensors = objective.loss(&tensor, &target).unwrap().double_value(&[]);
    let outputs: Vec<f64> = outputs.iter().copied().map(f64::from).collect();
    let of_numbers = objective.loss_of(&outputs, label);
    assert!(
        (of_tensors - of_numbers).abs() < 1e-3_f64.max(of_numbers * 1e-5),
        "{objective:?} {outputs:?}: {of_tensors} is not {of_numbers}"
    );
}

#[test]
fn the_loss_of_numbers_is_that_of_tensors() {
    let losses = [
        LossParams::Auto,
        LossParams::Mse,
        LossParams::Mae,
        LossParams::Huber(HuberParams { delta: 0.8 }),
    ];
    let regressions = losses.map(|loss| (objective(regression(), loss, 0.0), 9.0, 2.0_f32));
    let binary = (
        objective(Decoder::Binary, LossParams::Auto, 0.0),
        1.0,
        1.0_f32,
    );
    for (objective, label, target) in regressions.into_iter().chain([binary]) {
        for output in [-200.0_f32, -3.0, 0.0, 0.7, 1.9, 90.0] {
            assert_same(&objective, &[output], label, Tensor::from_slice(&[target]));
        }
    }
    let stars = vec![1, 2, 10];
    for (class, label) in [(0_i64, 1.0), (1, 2.0), (2, 10.0)] {
        for smoothing in [0.0, 0.1] {
            let decoder = Decoder::Classes {
                quantity: Quantity::Stars,
                labels: stars.clone(),
            };
            let classes = objective(decoder, LossParams::Auto, smoothing);
            for outputs in [[0.0_f32, 1.0, -2.0], [300.0, 0.0, -300.0]] {
                assert_same(&classes, &outputs, label, Tensor::from_slice(&[class]));
            }
        }
        let decoder = Decoder::Ordinal {
            quantity: Quantity::Stars,
            labels: stars.clone(),
        };
        let ordinal = objective(decoder, LossParams::Auto, 0.0);
        for outputs in [[2.0_f32, -1.0], [0.3, 0.2], [-30.0, -31.0], [31.0, 30.0]] {
            assert_same(&ordinal, &outputs, label, Tensor::from_slice(&[class]));
        }
    }
}

#[test]
fn the_loss_of_a_cumulative_link_is_the_log_of_its_probability() {
    let decoder = Decoder::Ordinal {
        quantity: Quantity::Stars,
        labels: vec![3, 5, 8, 9],
    };
    let objective = objective(decoder, LossParams::Auto, 0.0);
    let outputs = [1.5, 0.2, -2.0];
    let probabilities = objective.predict(&outputs).probabilities.unwrap();
    for (label, probability) in [3.0, 5.0, 8.0, 9.0].into_iter().zip(probabilities) {
        let loss = objective.loss_of(&outputs, label);
        assert!((loss + probability.ln()).abs() < 1e-9, "{label}: {loss}");
    }
}

#[test]
fn the_root_of_the_mean_squared_error_is_that_of_all_examples() {
    let rmse = objective(regression(), LossParams::Rmse, 0.0);
    let outputs = Tensor::from_slice(&[0.5_f32, -1.0, 3.0]).view([3, 1]);
    let targets = Tensor::from_slice(&[1.5_f32, -1.0, 1.0]);
    let of_tensors = rmse.loss(&outputs, &targets).unwrap().double_value(&[]);
    assert!((of_tensors - (5.0_f64 / 3.0).sqrt()).abs() < 1e-6);
    let squares =
        [(0.5, 8.0), (-1.0, 3.0), (3.0, 7.0)].map(|(output, label)| rmse.loss_of(&[output], label));
    assert_eq!(squares, [1.0, 0.0, 4.0]);
    assert!((rmse.mean_of(5.0, 3) - of_tensors).abs() < 1e-6);
    // No gradient is lost where the error is 0.
    let outputs = Tensor::zeros([2, 1], (Kind::Float, Device::Cpu)).set_requires_grad(true);
    rmse.loss(&outputs, &Tensor::zeros([2], (Kind::Float, Device::Cpu)))
        .unwrap()
        .backward();
    assert_eq!(outputs.grad().abs().max().double_value(&[]), 0.0);
}

#[test]
fn weights_multiply_the_loss_of_their_class() {
    let stars = vec![1, 2, 10];
    let mut weighted = objective(
        Decoder::Classes {
            quantity: Quantity::Stars,
            labels: stars,
        },
        LossParams::Auto,
        0.1,
    );
    weighted.weights = Some(vec![0.5, 2.0, 1.0]);
    let mut binary = objective(Decoder::Binary, LossParams::Auto, 0.0);
    binary.weights = Some(vec![0.25, 3.0]);
    for (class, label) in [(0_i64, 1.0), (1, 2.0), (2, 10.0)] {
        assert_same(
            &weighted,
            &[0.3, 1.0, -2.0],
            label,
            Tensor::from_slice(&[class]),
        );
    }
    for label in [0.0_f32, 1.0] {
        assert_same(&binary, &[0.7], label.into(), Tensor::from_slice(&[label]));
    }
    // w = torch.tensor([0.5, 2.0, 1.0]); o = torch.tensor([[0.3, 1.0, -2.0]] * 3); t = torch.arange(3)
    // (F.cross_entropy(o, t, reduction="none", label_smoothing=0.1) * w).mean()
    let outputs = Tensor::from_slice(&[0.3_f32, 1.0, -2.0]).repeat([3, 1]);
    let found = weighted
        .loss(&outputs, &Tensor::from_slice(&[0_i64, 1, 2]))
        .unwrap();
    assert!(
        (found.double_value(&[]) - 1.657_452_637).abs() < 1e-6,
        "{found}"
    );
}

#[test]
fn scores_are_in_units_that_people_read() {
    let binary = objective(Decoder::Binary, LossParams::Auto, 0.0);
    assert_eq!(
        (binary.score_of(&[0.1], 1.0), binary.score_of(&[0.1], 0.0)),
        (1.0, 0.0)
    );
    let stars = objective(regression(), LossParams::Auto, 0.0);
    assert_eq!(stars.score_of(&[1.0], 10.0), 9.0);
    assert_eq!(stars.score_of(&[1000.0], 10.0), 0.0);
    let decoder = Decoder::Classes {
        quantity: Quantity::Stars,
        labels: vec![1, 2, 10],
    };
    let classes = objective(decoder, LossParams::Auto, 0.0);
    let scores = [1.0, 2.0, 10.0].map(|label| classes.score_of(&[0.0, 3.0, 2.9], label));
    assert_eq!(scores, [0.0, 1.0, 0.0]);
}

#[test]
fn each_head_learns_as_if_it_were_alone() {
    let decoder = Decoder::Classes {
        quantity: Quantity::Stars,
        labels: vec![1, 2, 10],
    };
    let objective = objective(decoder, LossParams::Auto, 0.0);
    let targets = Tensor::from_slice(&[2_i64, 0]);
    let said = |factor: f32| {
        let outputs = [0.5_f32, -1.0, 2.0, 1.5, 0.0, -0.5].map(|output| factor * output);
        let outputs = Tensor::from_slice(&outputs).view([2, 3]);
        outputs.set_requires_grad(true)
    };
    let together = [said(1.0), said(-2.0), said(0.5)];
    let loss = objective.loss_of_members(&together, &targets).unwrap();
    loss.backward();
    let mut sum = 0.0;
    for (own, factor) in together.iter().zip([1.0, -2.0, 0.5]) {
        let alone = said(factor);
        let loss = objective.loss(&alone, &targets).unwrap();
        loss.backward();
        sum += loss.double_value(&[]);
        assert_eq!(own.grad(), alone.grad());
    }
    assert!((loss.double_value(&[]) - sum).abs() < 1e-6);
}
