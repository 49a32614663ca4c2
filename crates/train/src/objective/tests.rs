//! Losses of tensors against those of numbers, and those of PyTorch.

use super::*;

fn objective(decoder: Decoder, loss: LossParams, smoothing: f64) -> Objective {
    Objective {
        decoder,
        loss,
        smoothing,
    }
}

fn regression() -> Decoder {
    Decoder::Regression {
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
                stars: stars.clone(),
            };
            let classes = objective(decoder, LossParams::Auto, smoothing);
            for outputs in [[0.0_f32, 1.0, -2.0], [300.0, 0.0, -300.0]] {
                assert_same(&classes, &outputs, label, Tensor::from_slice(&[class]));
            }
        }
        let decoder = Decoder::Ordinal {
            stars: stars.clone(),
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
        stars: vec![3, 5, 8, 9],
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
        stars: vec![1, 2, 10],
    };
    let classes = objective(decoder, LossParams::Auto, 0.0);
    let scores = [1.0, 2.0, 10.0].map(|label| classes.score_of(&[0.0, 3.0, 2.9], label));
    assert_eq!(scores, [0.0, 1.0, 0.0]);
}
