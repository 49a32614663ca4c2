//! Steps against PyTorch's, and a state that can be taken over.

use super::*;

/// What the variables are after the first and after the fourth step.
type Expected = [[f64; 4]; 2];

fn variables() -> [(String, Tensor); 2] {
    [
        (
            "p".to_owned(),
            Tensor::from_slice(&[1.0_f32, -2.0, 0.5]).set_requires_grad(true),
        ),
        (
            "q".to_owned(),
            Tensor::from_slice(&[3.0_f32])
                .view([1, 1])
                .set_requires_grad(true),
        ),
    ]
}

fn loss(variables: &[(String, Tensor)]) -> Tensor {
    let [(_, p), (_, q)] = variables else {
        panic!("two variables")
    };
    (p * p * Tensor::from_slice(&[1.0_f32, 0.5, 3.0])).sum(None) + (q * q * q).sum(None)
}

fn values(variables: &[(String, Tensor)]) -> Vec<f32> {
    variables
        .iter()
        .flat_map(|(_, variable)| Vec::<f32>::try_from(variable.detach().flatten(0, -1)).unwrap())
        .collect()
}

fn assert_steps(params: OptimizerParams, clip: Option<f64>, expected: Expected) {
    let variables = variables();
    let followed = variables
        .iter()
        .map(|(name, variable)| (name.clone(), variable.shallow_clone()));
    let mut optimizer = Optimizer::new(params, clip, followed).unwrap();
    for step in 0..4 {
        optimizer.step(&loss(&variables), params.lr()).unwrap();
        let expected = match step {
            0 => expected[0],
            3 => expected[1],
            _ => continue,
        };
        for (found, expected) in values(&variables).into_iter().zip(expected) {
            assert!(
                (f64::from(found) - expected).abs() < 4e-7,
                "{params:?}, step {step}: {found} is not {expected}"
            );
        }
    }
}

// p = torch.tensor([1.0, -2.0, 0.5], requires_grad=True)
// q = torch.tensor([[3.0]], requires_grad=True)
// opt = torch.optim.X([p, q], ..)
// for _ in range(4):
//     opt.zero_grad()
//     ((p * p * torch.tensor([1.0, 0.5, 3.0])).sum() + (q * q * q).sum()).backward()
//     opt.step()

#[test]
fn adam_steps_as_pytorch() {
    let adam = AdamParams {
        lr: 0.1,
        beta1: 0.8,
        beta2: 0.95,
        eps: 1e-3,
        weight_decay: 0.0,
    };
    // Adam(lr=0.1, betas=(0.8, 0.95), eps=1e-3)
    assert_steps(
        OptimizerParams::Adam(adam),
        None,
        [
            [0.900049984, -1.90004992, 0.400033325, 2.90000367],
            [0.605770826, -1.60246623, 0.116835445, 2.6030755],
        ],
    );
    // the same with weight_decay=0.1
    let weight_decay = 0.1;
    assert_steps(
        OptimizerParams::Adam(AdamParams {
            weight_decay,
            ..adam
        }),
        None,
        [
            [0.9000476, -1.90004539, 0.400032789, 2.90000367],
            [0.605760753, -1.60244751, 0.116833165, 2.603055],
        ],
    );
    // AdamW with the same
    let adamw = AdamwParams {
        lr: 0.1,
        beta1: 0.8,
        beta2: 0.95,
        eps: 1e-3,
        weight_decay,
    };
    assert_steps(
        OptimizerParams::Adamw(adamw),
        None,
        [
            [0.890049994, -1.88004994, 0.39503333, 2.8700037],
            [0.573041618, -1.53014398, 0.104325414, 2.49193931],
        ],
    );
}

#[test]
fn gradient_descent_steps_as_pytorch() {
    // SGD(lr=0.01)
    let plain = SgdParams::default();
    assert_steps(
        OptimizerParams::Sgd(plain),
        None,
        [
            [0.980000019, -1.98000002, 0.469999999, 2.73000002],
            [0.922368169, -1.92119217, 0.390374482, 2.15676308],
        ],
    );
    // SGD(lr=0.01, momentum=0.9, weight_decay=0.1)
    let momentum = SgdParams {
        momentum: 0.9,
        weight_decay: 0.1,
        ..plain
    };
    assert_steps(
        OptimizerParams::Sgd(momentum),
        None,
        [
            [0.978999972, -1.97800004, 0.469500005, 2.727],
            [0.81600821, -1.80425107, 0.248982772, 1.06894946],
        ],
    );
    // SGD(lr=0.01, momentum=0.9, nesterov=True)
    let nesterov = SgdParams {
        momentum: 0.9,
        nesterov: true,
        ..plain
    };
    assert_steps(
        OptimizerParams::Sgd(nesterov),
        None,
        [
            [0.962000012, -1.96200001, 0.442999989, 2.48699999],
            [0.770558536, -1.76390994, 0.193627492, 0.852484226],
        ],
    );
}

#[test]
fn rmsprop_steps_as_pytorch() {
    // RMSprop(lr=0.01, alpha=0.9, eps=1e-3)
    let plain = RmspropParams {
        lr: 0.01,
        alpha: 0.9,
        eps: 1e-3,
        ..RmspropParams::default()
    };
    assert_steps(
        OptimizerParams::Rmsprop(plain),
        None,
        [
            [0.968427122, -1.96842718, 0.468410522, 2.96838093],
            [0.910650969, -1.90995586, 0.412075818, 2.91007471],
        ],
    );
    // the same with momentum=0.5, weight_decay=0.1
    let momentum = RmspropParams {
        momentum: 0.5,
        weight_decay: 0.1,
        ..plain
    };
    assert_steps(
        OptimizerParams::Rmsprop(momentum),
        None,
        [
            [0.968424797, -1.96842265, 0.468409985, 2.96838093],
            [0.857429504, -1.85611176, 0.360177338, 2.85635734],
        ],
    );
}

#[test]
fn adagrad_steps_as_pytorch() {
    // Adagrad(lr=0.1, eps=1e-3)
    let adagrad = AdagradParams { lr: 0.1, eps: 1e-3 };
    assert_steps(
        OptimizerParams::Adagrad(adagrad),
        None,
        [
            [0.900049984, -1.90004992, 0.400033325, 2.90000367],
            [0.736320198, -1.72865796, 0.253666133, 2.73070955],
        ],
    );
}

/// A loss that looks up some numbers of a variable `[3, 2]`, some of them twice, in the way that gives a sparse gradient.
fn looked_up(variable: &Tensor, step: i64, sparse: bool) -> Tensor {
    let rows = Tensor::from_slice(&[step % 3, 2, step % 3, 1]).view([2, 2]);
    let found = variable.gather(0, &rows, sparse);
    (&found * &found * Tensor::from_slice(&[0.5_f32, -1.5])).sum(None)
}

#[test]
fn a_sparse_gradient_is_followed_like_a_dense_one() {
    let all = [
        OptimizerParams::Adagrad(AdagradParams { lr: 0.1, eps: 1e-3 }),
        OptimizerParams::Sgd(SgdParams::default()),
    ];
    for (params, clip) in all
        .into_iter()
        .flat_map(|params| [(params, None), (params, Some(0.5))])
    {
        assert!(params.follows_sparse());
        let made = |sparse: bool| {
            let variable = Tensor::from_slice(&[1.0_f32, -2.0, 0.5, 3.0, -0.25, 1.5])
                .view([3, 2])
                .set_requires_grad(true);
            let followed = [("w".to_owned(), variable.shallow_clone())];
            let mut optimizer = Optimizer::new(params, clip, followed).unwrap();
            for step in 0..5 {
                optimizer.forget().unwrap();
                // Two batches of one step.
                looked_up(&variable, step, sparse).backward();
                looked_up(&variable, step + 1, sparse).backward();
                assert_eq!(variable.grad().is_sparse(), sparse);
                optimizer.follow(0.1).unwrap();
            }
            let state = optimizer.state();
            let state = state.iter().map(|(_, slot)| slot.shallow_clone());
            std::iter::once(variable.detach())
                .chain(state)
                .collect::<Vec<_>>()
        };
        for (sparse, dense) in made(true).iter().zip(&made(false)) {
            let difference = (sparse - dense).abs().max().double_value(&[]);
            assert!(difference < 1e-6, "{params:?}: {difference}");
        }
    }
    let adam = OptimizerParams::default();
    assert!(!adam.follows_sparse());
    let variable =
        Tensor::ones([3, 2], (tch::Kind::Float, tch::Device::Cpu)).set_requires_grad(true);
    let followed = [("w".to_owned(), variable.shallow_clone())];
    let mut optimizer = Optimizer::new(adam, None, followed).unwrap();
    assert!(optimizer.step(&looked_up(&variable, 0, true), 0.1).is_err());
}

#[test]
fn a_long_gradient_is_shortened_as_in_pytorch() {
    // SGD(lr=0.01), with torch.nn.utils.clip_grad_norm_([p, q], 2.0) before each step
    assert_steps(
        OptimizerParams::Sgd(SgdParams::default()),
        Some(2.0),
        [
            [0.998535514, -1.99853551, 0.497803241, 2.98022914],
            [0.994039059, -1.99403226, 0.491098523, 2.92094541],
        ],
    );
    // None of these gradients is as long as this.
    assert_steps(
        OptimizerParams::Sgd(SgdParams::default()),
        Some(100.0),
        [
            [0.980000019, -1.98000002, 0.469999999, 2.73000002],
            [0.922368169, -1.92119217, 0.390374482, 2.15676308],
        ],
    );
}

#[test]
fn another_optimizer_goes_on_from_the_state_bit_for_bit() {
    let all = [
        OptimizerParams::default(),
        OptimizerParams::Adamw(AdamwParams::default()),
        OptimizerParams::Sgd(SgdParams {
            momentum: 0.5,
            ..SgdParams::default()
        }),
        OptimizerParams::Adagrad(AdagradParams::default()),
        OptimizerParams::Rmsprop(RmspropParams {
            momentum: 0.5,
            ..RmspropParams::default()
        }),
    ];
    for params in all {
        let (a, b) = (variables(), variables());
        let followed = |variables: &[(String, Tensor)]| {
            variables
                .iter()
                .map(|(name, variable)| (name.clone(), variable.shallow_clone()))
                .collect::<Vec<_>>()
        };
        let mut first = Optimizer::new(params, None, followed(&a)).unwrap();
        for _step in 0..3 {
            first.step(&loss(&a), 0.1).unwrap();
        }
        let mut second = Optimizer::new(params, None, followed(&b)).unwrap();
        second.continue_after(first.steps());
        let copies = first.state().into_iter().zip(second.state());
        let weights = followed(&a).into_iter().zip(followed(&b));
        for ((name, from), (other, mut to)) in copies.chain(weights) {
            assert_eq!(name, other);
            tch::no_grad(|| to.copy_(&from));
        }
        for _step in 0..2 {
            first.step(&loss(&a), 0.1).unwrap();
            second.step(&loss(&b), 0.1).unwrap();
        }
        assert_eq!(values(&a), values(&b), "{params:?}");
    }
}
