//! The arguments of `emit`.

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};

pub(super) const EMIT_EXAMPLES: &str = "\
The files are written into artifacts/store/emitted, and their paths printed: the one to be submitted first. The nodes must see
this folder, the data and the programs under the same paths. Submit them, wait until the jobs have ended, and run the
pipeline: `cinescore run` takes what they made, under the keys that it would have here, and makes what is missing.

Examples:
  cinescore emit -p tuning --target hq
  hq job submit-file \"$(cinescore emit -p tuning --target hq)\" && hq job wait last && cinescore run -p tuning
  cinescore emit -p tuning --target k8s --image registry.example/cinescore:1 --claim reviews --mount /shared
  sh artifacts/store/emitted/tuning-*/submit.sh --namespace reviews && cinescore run -p tuning";

/// What `emit` is asked.
#[derive(Debug, Args)]
pub(crate) struct EmitArguments {
    /// The stages, and all that they need [default: all]
    #[arg(value_name = "STAGE")]
    pub(crate) stages: Vec<String>,
    /// The engine
    #[arg(long, value_name = "ENGINE")]
    pub(crate) target: TargetName,
    /// k8s: an image with a shell and whatever the programs need
    #[arg(long, value_name = "IMAGE", required_if_eq("target", "k8s"))]
    pub(crate) image: Option<String>,
    /// k8s: the persistent volume claim of the file system that all see
    #[arg(long, value_name = "NAME", required_if_eq("target", "k8s"))]
    pub(crate) claim: Option<String>,
    /// k8s: where that file system is mounted, here and in the pods
    #[arg(long, value_name = "DIR", required_if_eq("target", "k8s"), value_hint = ValueHint::DirPath)]
    pub(crate) mount: Option<PathBuf>,
    /// k8s: the most pods of a Job at once [default: as many as it has tasks]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) at_once: Option<u32>,
}

/// The engines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TargetName {
    /// HyperQueue: a job definition file
    Hq,
    /// Kubernetes: Indexed Jobs and a script that applies them
    K8s,
}
