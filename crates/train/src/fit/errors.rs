//! Whose fault an error is, and what to do about it.

use cinescore_artifact::StageError;
use cinescore_model::bundle::BundleError;
use cinescore_model::task::Task;
use tch::TchError;

use super::FitParams;
use crate::checkpoint::CheckpointError;
use crate::examples::ExamplesError;
use crate::objective::ObjectiveError;
use crate::training::TrainingError;
use crate::windows::WindowsError;

/// What LibTorch says where a device's memory does not suffice: a GPU's, and the machine's.
const OUT_OF_MEMORY: [&str; 3] = [
    "out of memory",
    "can't allocate memory",
    "not enough memory",
];
/// What it begins the list of its own functions with that led to an error.
const TRACES: [&str; 2] = ["Exception raised from", "frame #0"];
/// What it says of work that it can only do in a way that gives other bits each time.
const NOT_DETERMINISTIC: &str = "does not have a deterministic implementation";

pub(crate) fn of_examples(error: ExamplesError) -> StageError {
    match error {
        ExamplesError::Table(error) => error.into(),
        ExamplesError::Ragged { .. } => StageError::usage(error).hint(
            "let `featurize text` pad, or take a network file with `mask: true` in its input",
        ),
        ExamplesError::Long { .. } => StageError::usage(error).hint(
            "let `featurize text` cut reviews off there (`max_length`), or raise `length` in the network file",
        ),
        ExamplesError::Encoder { wanted, .. } => {
            let hint = match wanted {
                "bags" => "give it `bags` and `encoder` of `featurize bags`",
                "windows" => "give it `windows` and `encoder` of `featurize windows`",
                _ => "give it `tokens` and `encoder` of `featurize text`",
            };
            StageError::usage(error).hint(hint)
        }
        ExamplesError::Terms { .. } => StageError::input(error).hint(
            "give it the table and the encoder of one `featurize` stage; a bundle has the encoder that it was trained with",
        ),
        ExamplesError::Windows(error) => of_windows(error),
        ExamplesError::Task { .. } => {
            StageError::usage(error).hint("this task is for windows over popularity")
        }
        ExamplesError::HoldOut { .. } => StageError::usage(error)
            .hint("take task `regression`, `classes` or `ordinal` on reviews, or leave `hold_out` away"),
        ExamplesError::Slots { .. } => StageError::usage(error)
            .hint("set the network's parameter `slots` (`network_params`) to those of `featurize windows`"),
        other => StageError::input(other),
    }
}

pub(crate) fn of_windows(error: WindowsError) -> StageError {
    match error {
        WindowsError::Table(error) => error.into(),
        WindowsError::Task { .. } => {
            StageError::usage(error).hint("take `regression`, `count`, `classes` or `ordinal`")
        }
        WindowsError::Label {
            task: Task::Count, ..
        } => StageError::usage(error)
            .hint("task `count` needs windows with `target: count`: give `featurize windows` that"),
        other => StageError::input(other),
    }
}

pub(super) fn of_objective(error: ObjectiveError) -> StageError {
    match error {
        ObjectiveError::Score { .. } => {
            StageError::input(error).hint("take a network with outputs for all 10")
        }
        ObjectiveError::Classes { .. }
        | ObjectiveError::PopularityClasses { .. }
        | ObjectiveError::CountOutputs { .. } => {
            StageError::usage(error).hint("change `head` in the network file")
        }
        other => StageError::usage(other),
    }
}

pub(super) fn of_training(error: TrainingError, params: &FitParams) -> StageError {
    match error {
        TrainingError::Interrupted => StageError::interrupted(),
        TrainingError::NotFinite { .. } | TrainingError::NotFiniteAfter { .. } => {
            let mut hint = format!("try a learning rate below {}", params.optimizer.lr());
            if params.clip.is_none() {
                hint.push_str(", or shorten long gradients with `clip`");
            }
            StageError::failed(error).hint(hint)
        }
        TrainingError::Checkpoint(error) => of_checkpoint(error),
        TrainingError::Torch(source) => {
            let source = without_trace(source);
            let said = source.to_string();
            let full = OUT_OF_MEMORY.iter().any(|words| said.contains(words));
            let error = StageError::failed(TrainingError::Torch(source));
            // A batch of one cannot be divided.
            match params.batch / 2 {
                _ if said.contains(NOT_DETERMINISTIC) => {
                    error.hint("the GPU has no such algorithm for this network: leave out `deterministic`")
                }
                half if full && half > 0 => error.hint(format!(
                    "take smaller batches: `batch: {half}` with `accumulate: {}` makes the same steps in about half the memory",
                    params.accumulate.saturating_mul(2)
                )),
                _ => error,
            }
        }
    }
}

/// Of LibTorch, before the first batch.
pub(super) fn of_torch(error: TchError) -> StageError {
    StageError::failed(without_trace(error))
}

/// An error of LibTorch without the list of its functions, which says nothing to who trains.
fn without_trace(error: TchError) -> TchError {
    match error {
        TchError::Torch(said) => {
            let ends = TRACES.iter().filter_map(|trace| said.find(trace));
            let end = ends.min().unwrap_or(said.len());
            TchError::Torch(said[..end].trim_end().to_owned())
        }
        other => other,
    }
}

pub(crate) fn of_bundle(error: BundleError) -> StageError {
    match error {
        BundleError::Io { .. } => StageError::machine(error),
        other => StageError::failed(other),
    }
}

/// Of a checkpoint that this stage writes itself.
pub(super) fn of_checkpoint(error: CheckpointError) -> StageError {
    match error {
        CheckpointError::Io { .. } => StageError::machine(error),
        other => StageError::failed(other),
    }
}

/// Of a checkpoint that it was given.
pub(super) fn of_given(error: CheckpointError) -> StageError {
    match error {
        CheckpointError::Other { .. } => StageError::usage(error).hint(
            "a training can go on with the same inputs and parameters only; `stop_after` alone may change",
        ),
        CheckpointError::Bare { .. } => StageError::usage(error)
            .hint("set `stop_after` in the training before: to all of its epochs if they are to be made"),
        CheckpointError::Torch(_) => StageError::failed(error),
        other => StageError::input(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_device_is_told_what_would_fit() {
        let of_gpu = "CUDA out of memory. Tried to allocate 20.00 MiB.";
        let of_machine = "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you \
                          tried to allocate 3248422912 bytes. Error code 12 (Cannot allocate memory)\n\
                          frame #0: f";
        let told_of = |said: &str, batch: u32| {
            let params = FitParams {
                batch,
                accumulate: 3,
                ..FitParams::default()
            };
            let error = TrainingError::Torch(TchError::Torch(said.to_owned()));
            of_training(error, &params).render()
        };
        let told = |batch: u32| told_of(of_gpu, batch);
        assert!(
            told(64).contains("`batch: 32` with `accumulate: 6`"),
            "{}",
            told(64)
        );
        assert!(!told(1).contains("accumulate"), "{}", told(1));
        let told = told_of(of_machine, 64);
        assert!(
            told.contains("`batch: 32`") && !told.contains("frame"),
            "{told}"
        );
    }

    #[test]
    fn work_without_a_deterministic_algorithm_is_explained() {
        // As `at::Context::alertNotDeterministic` says it.
        let said = "cumsum_cuda_kernel does not have a deterministic implementation, but you set \
                    'torch.use_deterministic_algorithms(True)'.";
        let error = TrainingError::Torch(TchError::Torch(said.to_owned()));
        let told = of_training(error, &FitParams::default()).render();
        assert!(told.contains("leave out `deterministic`"), "{told}");
        assert!(!told.contains("accumulate"), "{told}");
    }
}
