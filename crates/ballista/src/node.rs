//! The cluster's nodes, as Ballista's own programs `ballista-scheduler` and `ballista-executor` run them, with their options: one program
//! to copy, and client, scheduler and executors cannot be of different versions.

use std::process::ExitCode;
use std::sync::Arc;

use ballista_core::error::{BallistaError, Result};
use ballista_core::object_store::{
    runtime_env_with_s3_support, session_config_with_s3_support, session_state_with_s3_support,
};
use ballista_executor::executor_process::{ExecutorProcessConfig, start_executor_process};
use ballista_executor::health::spawn_health_server;
use ballista_scheduler::cluster::BallistaCluster;
use ballista_scheduler::config::SchedulerConfig;
use ballista_scheduler::scheduler_process::start_server;
use clap::Parser as _;

use crate::logs;

/// Of plans: they are trees that are walked by recursion.
const STACK_BYTES: usize = 32 << 20;

/// Schedules until it is killed.
pub(crate) fn scheduler(options: Vec<String>) -> ExitCode {
    let config = ballista_scheduler::config::Config::parse_from(with_name("scheduler", options));
    logs::start(&config.log_level_setting);
    ended(block_on(async move {
        let address = format!("{}:{}", config.bind_host, config.bind_port);
        let address = address
            .parse()
            .map_err(|_| BallistaError::Configuration(format!("`{address}` is no address")))?;
        let config: SchedulerConfig = config.try_into()?;
        let config = config
            .with_override_config_producer(Arc::new(session_config_with_s3_support))
            .with_override_session_builder(Arc::new(session_state_with_s3_support));
        let cluster = BallistaCluster::new_from_config(&config).await?;
        start_server(cluster, address, Arc::new(config)).await
    }))
}

/// Executes until it is killed.
pub(crate) fn executor(options: Vec<String>) -> ExitCode {
    let config = ballista_executor::config::Config::parse_from(with_name("executor", options));
    logs::start(&config.log_level_setting);
    ended(block_on(async move {
        let health = format!("{}:{}", config.bind_host, config.bind_health_port);
        let health = health
            .parse()
            .map_err(|_| BallistaError::Configuration(format!("`{health}` is no address")))?;
        let mut config: ExecutorProcessConfig = config.try_into()?;
        config.override_config_producer = Some(Arc::new(session_config_with_s3_support));
        config.override_runtime_producer = Some(Arc::new(runtime_env_with_s3_support));
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let probes = spawn_health_server(health, config.health.clone(), stopped);
        let end = start_executor_process(Arc::new(config)).await;
        // Nobody listens any more where the probes could not be served.
        stop.send(()).ok();
        if let Err(error) = probes.await {
            tracing::warn!("the health probes ended badly: {error}");
        }
        end
    }))
}

fn with_name(verb: &str, options: Vec<String>) -> Vec<String> {
    let mut all = vec![format!("cinescore-ballista {verb}")];
    all.extend(options);
    all
}

fn block_on(work: impl Future<Output = Result<()>> + Send + 'static) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_stack_size(STACK_BYTES)
        .build()?;
    // On a thread of the runtime: the calling thread's stack is what the system gives.
    let work = runtime.spawn(work);
    runtime
        .block_on(work)
        .map_err(|error| BallistaError::General(error.to_string()))?
}

fn ended(end: Result<()>) -> ExitCode {
    match end {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}
