//! Values and gradients against PyTorch's; what padding and dropout may and may not do.

use tch::Device;

use super::*;
use crate::layers::testing::{assert_close, names, ramp, set};

/// The layer of the references below.
fn layer(vars: &nn::VarStore, kind: CellKind, dropout: f64) -> Recurrent {
    let spec = RecurrentSpec {
        layers: 2,
        bidirectional: true,
        dropout,
        ..RecurrentSpec::of(3)
    };
    let layer = Recurrent::new(&vars.root(), kind, &spec, 2).unwrap();
    let rows = kind.gates() * 3;
    for (cell, input, step) in [(0, 2, 0.05), (1, 6, 0.025)] {
        for (direction, first) in [("", -0.6), ("_reverse", -0.5)] {
            let name = |part: &str| format!("{part}_l{cell}{direction}");
            set(vars, &name("weight_ih"), &ramp(first, step, &[rows, input]));
            set(vars, &name("weight_hh"), &ramp(0.5, -0.03, &[rows, 3]));
            set(vars, &name("bias_ih"), &ramp(-0.3, 0.05, &[rows]));
            set(vars, &name("bias_hh"), &ramp(0.2, -0.01, &[rows]));
        }
    }
    layer
}

// def ramp(first, step, *shape):
//     return (first + step * torch.arange(math.prod(shape), dtype=torch.float64)).float().reshape(shape)
// m = torch.nn.LSTM(2, 3, num_layers=2, bidirectional=True, batch_first=True)   # RNN, GRU
// for k in range(2):
//     for i, s in enumerate(("", "_reverse")):
//         getattr(m, f"weight_ih_l{k}{s}").data = ramp(-0.6 + 0.1 * i, 0.05 / (1 + k), rows, (2, 6)[k])
//         getattr(m, f"weight_hh_l{k}{s}").data = ramp(0.5, -0.03, rows, 3)
//         getattr(m, f"bias_ih_l{k}{s}").data = ramp(-0.3, 0.05, rows)
//         getattr(m, f"bias_hh_l{k}{s}").data = ramp(0.2, -0.01, rows)
// x = ramp(-1.0, 0.2, 2, 3, 2).requires_grad_()
// y, _ = m(x); y.sum().backward()          # _OUTPUTS, _GRADIENT
// y, _ = m(x[1:2, :2])                      # _TWO_STEPS
const RNN_OUTPUTS: [f64; 36] = [
    -0.98267639,
    -0.93493021,
    -0.77080148,
    -0.99695557,
    -0.98094934,
    -0.88560939,
    -0.99715501,
    -0.98607236,
    -0.93326002,
    -0.98824185,
    -0.95080531,
    -0.80581617,
    -0.99243039,
    -0.97274542,
    -0.90432757,
    -0.82906473,
    -0.66521955,
    -0.39617175,
    0.93842262,
    0.8460232,
    0.64067566,
    0.99141669,
    0.9628365,
    0.84643012,
    0.99879217,
    0.99242586,
    0.95328861,
    0.99686581,
    0.98033541,
    0.8817811,
    0.9992941,
    0.99514824,
    0.96705467,
    0.97021246,
    0.88449758,
    0.60196435,
];
const RNN_GRADIENT: [f64; 12] = [
    0.42815471,
    0.38222542,
    0.43413845,
    0.38478732,
    1.2250702,
    1.0826916,
    0.7603882,
    0.68072474,
    0.1048701,
    0.092524558,
    0.15090267,
    0.13188888,
];
const RNN_TWO_STEPS: [f64; 12] = [
    0.90648466, 0.79700494, 0.58711326, 0.97874081, 0.9286232, 0.77385861, 0.99614167, 0.98278409,
    0.92492175, 0.92861056, 0.8016454, 0.50663841,
];

const GRU_OUTPUTS: [f64; 36] = [
    -0.059527319,
    -0.075709306,
    -0.092189156,
    -0.065475807,
    -0.076926649,
    -0.090419367,
    -0.017858824,
    -0.0078868195,
    0.0007930249,
    0.042343248,
    0.064833984,
    0.084964082,
    0.063683361,
    0.1048278,
    0.14103958,
    0.083101124,
    0.11763507,
    0.14763141,
    0.20928547,
    0.26099241,
    0.28555375,
    0.45395258,
    0.51664335,
    0.54680979,
    0.35782027,
    0.43846107,
    0.47731996,
    0.44430348,
    0.48852581,
    0.49097085,
    0.43594816,
    0.53626162,
    0.59097171,
    0.31304881,
    0.32815543,
    0.31003451,
];
const GRU_GRADIENT: [f64; 12] = [
    0.84141254, 1.209528, 1.2222022, 1.6703486, 1.1560699, 1.5209045, 0.56282789, 0.76269966,
    0.5198518, 0.68763971, 0.37683895, 0.47573787,
];
const GRU_TWO_STEPS: [f64; 12] = [
    0.18544295, 0.23807931, 0.26820427, 0.32905257, 0.39071989, 0.42633998, 0.29686791, 0.38051182,
    0.433166, 0.25071883, 0.28680712, 0.29594967,
];

const LSTM_OUTPUTS: [f64; 36] = [
    0.020305641,
    0.025189554,
    0.030208332,
    0.044232972,
    0.050505791,
    0.056969158,
    0.050310422,
    0.0657067,
    0.081931405,
    0.069305509,
    0.087340765,
    0.10613093,
    0.086815991,
    0.11660578,
    0.14841996,
    0.070960395,
    0.0978783,
    0.1265782,
    0.097582467,
    0.1424619,
    0.19021456,
    0.21685982,
    0.27186358,
    0.32756397,
    0.16415243,
    0.2334719,
    0.30628303,
    0.21236968,
    0.28251979,
    0.35352695,
    0.19163515,
    0.26360866,
    0.33868599,
    0.13791627,
    0.1938256,
    0.25127426,
];
const LSTM_GRADIENT: [f64; 12] = [
    0.26466021,
    0.37808329,
    0.42710021,
    0.57883614,
    0.37556726,
    0.51350105,
    0.33959472,
    0.49181777,
    0.19258782,
    0.33669764,
    0.0061672069,
    0.11169484,
];
const LSTM_TWO_STEPS: [f64; 12] = [
    0.092836, 0.13516471, 0.18032449, 0.16829197, 0.22077745, 0.27495143, 0.14674781, 0.20700614,
    0.27081311, 0.12477793, 0.17491509, 0.22699933,
];

/// A kind of cell with its outputs, the gradient of the input, and the outputs of two steps.
type Reference = (CellKind, [f64; 36], [f64; 12], [f64; 12]);

const REFERENCES: [Reference; 3] = [
    (CellKind::Rnn, RNN_OUTPUTS, RNN_GRADIENT, RNN_TWO_STEPS),
    (CellKind::Gru, GRU_OUTPUTS, GRU_GRADIENT, GRU_TWO_STEPS),
    (CellKind::Lstm, LSTM_OUTPUTS, LSTM_GRADIENT, LSTM_TWO_STEPS),
];

#[test]
fn values_and_gradients_are_those_of_pytorch() {
    for (kind, outputs, gradient, _) in REFERENCES {
        let vars = nn::VarStore::new(Device::Cpu);
        let layer = layer(&vars, kind, 0.0);
        let xs = ramp(-1.0, 0.2, &[2, 3, 2]).set_requires_grad(true);
        let ys = layer.forward(Flow::of(&xs, None), true).unwrap().xs;
        assert_eq!(ys.size(), [2, 3, 6]);
        assert_close(&ys, &outputs, 1e-6);
        ys.sum(None).backward();
        assert_close(&xs.grad(), &gradient, 1e-5);
    }
}

#[test]
fn padding_changes_nothing_in_either_direction() {
    for (kind, outputs, _, two_steps) in REFERENCES {
        let vars = nn::VarStore::new(Device::Cpu);
        let layer = layer(&vars, kind, 0.0);
        let lengths = Tensor::from_slice(&[3_i64, 2]);
        let xs = ramp(-1.0, 0.2, &[2, 3, 2]);
        let ys = layer
            .forward(Flow::of(&xs, Some(&lengths)), false)
            .unwrap()
            .xs;
        assert_close(&ys.get(0), &outputs[..18], 1e-6);
        assert_close(&ys.get(1).narrow(0, 0, 2), &two_steps, 1e-6);
    }
}

#[test]
fn evaluation_has_no_dropout_between_the_cells_and_training_has() {
    for (kind, outputs, ..) in REFERENCES {
        let vars = nn::VarStore::new(Device::Cpu);
        let layer = layer(&vars, kind, 0.9);
        let xs = ramp(-1.0, 0.2, &[2, 3, 2]);
        let run = |train| layer.forward(Flow::of(&xs, None), train).unwrap().xs;
        for _twice in 0..2 {
            assert_close(&tch::no_grad(|| run(false)), &outputs, 1e-6);
        }
        let difference = (run(true) - run(false)).abs().max().double_value(&[]);
        assert!(difference > 1e-3, "{kind:?}: {difference}");
    }
}

#[test]
fn variables_have_pytorchs_names_and_begin_within_their_bound() {
    let vars = nn::VarStore::new(Device::Cpu);
    Recurrent::new(&vars.root(), CellKind::Lstm, &RecurrentSpec::of(25), 8).unwrap();
    assert_eq!(
        names(&vars),
        ["bias_hh_l0", "bias_ih_l0", "weight_hh_l0", "weight_ih_l0"]
    );
    let variables = vars.variables();
    for name in names(&vars) {
        let most = variables[&name].abs().max().double_value(&[]);
        assert!((0.15..=0.2).contains(&most), "{name}: {most}");
    }
}
