//! Something that answers SQL: a cluster, or DataFusion in this process.
//!
//! Owns how a cluster is reached and how its job is cancelled. A cluster's rows come as a stream from the executors that hold them: what is
//! in memory here is a few batches.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ballista::prelude::SessionContextExt as _;
use ballista_core::JobId;
use ballista_core::config::{BALLISTA_ADAPTIVE_PLANNER_ENABLED, BALLISTA_CLIENT_PULL};
use ballista_core::execution_plans::DistributedQueryExec;
use ballista_core::extension::SessionConfigExt as _;
use ballista_core::object_store::{
    S3Options, runtime_env_with_s3_support, session_config_with_s3_support,
    session_state_with_s3_support,
};
use ballista_core::serde::protobuf::CancelJobParams;
use ballista_core::serde::protobuf::scheduler_grpc_client::SchedulerGrpcClient;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::physical_plan::{ExecutionPlan, SendableRecordBatchStream, execute_stream};
use datafusion::prelude::{ParquetReadOptions, SessionConfig, SessionContext};
use datafusion_proto::protobuf::LogicalPlanNode;
use url::Url;

use crate::error::Error;
use crate::plan::IN_PROCESS;

/// The port where none is said; Ballista's own.
const PORT: u16 = 50050;
/// How long a scheduler may take to answer at all.
const CONNECT_SECS: u64 = 10;
/// How long it may take to number a job that shall be cancelled.
const NUMBERED: Duration = Duration::from_secs(5);

/// An open session.
pub(crate) struct Session {
    context: SessionContext,
    /// The scheduler, `http://HOST:PORT`; none in this process.
    scheduler: Option<String>,
    /// What was asked last.
    asked: Mutex<Option<Arc<dyn ExecutionPlan>>>,
}

impl Session {
    /// Opens one; of a cluster, once its scheduler answers.
    pub(crate) async fn open(url: &str, partitions: Option<u32>) -> Result<Self, Error> {
        if url == IN_PROCESS {
            return Self::in_process(partitions);
        }
        let scheduler = scheduler_of(url)?;
        let connecting = SchedulerGrpcClient::connect(scheduler.clone());
        let client = tokio::time::timeout(Duration::from_secs(CONNECT_SECS), connecting);
        match client.await {
            Ok(Ok(_)) => {}
            Ok(Err(source)) => {
                return Err(Error::Unreachable {
                    url: url.into(),
                    source: source.into(),
                });
            }
            Err(_) => {
                return Err(Error::Silent {
                    url: url.into(),
                    seconds: CONNECT_SECS,
                });
            }
        }
        let failed = |source| Error::Job { source };
        // The adaptive planner of Ballista 55 cannot go on after an executor was lost: the scheduler says "can't find active stage
        // to update stage outputs", and the job waits for ever.
        let config = session_config_with_s3_support()
            .with_ballista_job_name("cinescore")
            .set_bool(BALLISTA_ADAPTIVE_PLANNER_ENABLED, false)
            // Asked for its state, the scheduler names a job at once, so that it can be cancelled; else once its first task runs.
            .set_bool(BALLISTA_CLIENT_PULL, true);
        let state = session_state_with_s3_support(with_partitions(config, partitions));
        let context = SessionContext::remote_with_state(&scheduler, state.map_err(failed)?)
            .await
            .map_err(failed)?;
        Ok(Self {
            context,
            scheduler: Some(scheduler),
            asked: Mutex::default(),
        })
    }

    /// DataFusion in this process.
    pub(crate) fn in_process(partitions: Option<u32>) -> Result<Self, Error> {
        let failed = |source| Error::Job { source };
        let config = SessionConfig::new().with_option_extension(S3Options::default());
        let config = with_partitions(config, partitions);
        let runtime = runtime_env_with_s3_support(&config).map_err(failed)?;
        Ok(Self {
            context: SessionContext::new_with_config_rt(config, runtime),
            scheduler: None,
            asked: Mutex::default(),
        })
    }

    /// Gives Parquet at an address a name for queries; returns its columns.
    pub(crate) async fn parquet(&self, name: &str, address: &str) -> Result<SchemaRef, Error> {
        let unreadable = |source| Error::Ratings {
            address: address.into(),
            source,
        };
        // A folder's Parquet files; a single file whatever its name is.
        let is_folder = address.ends_with('/') || Path::new(address).is_dir();
        let extension = Path::new(address)
            .extension()
            .and_then(|ending| ending.to_str());
        let extension = match extension {
            _ if is_folder => ".parquet".to_owned(),
            Some(ending) => format!(".{ending}"),
            None => String::new(),
        };
        let options = ParquetReadOptions::default().file_extension(&extension);
        self.context
            .register_parquet(name, address, options)
            .await
            .map_err(unreadable)?;
        let table = self.context.table(name).await.map_err(unreadable)?;
        Ok(Arc::clone(table.schema().inner()))
    }

    /// The rows that a query answers with.
    pub(crate) async fn ask(&self, sql: &str) -> Result<SendableRecordBatchStream, Error> {
        let failed = |source| Error::Job { source };
        let frame = self.context.sql(sql).await.map_err(failed)?;
        let context = Arc::new(frame.task_ctx());
        let plan = frame.create_physical_plan().await.map_err(failed)?;
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&plan));
        execute_stream(plan, context).map_err(failed)
    }

    /// Cancels what was asked last, if a cluster works on it. What was asked must go on being polled meanwhile: a job's number comes
    /// with the scheduler's first word about it.
    pub(crate) async fn cancel(&self) {
        let began = Instant::now();
        let job = loop {
            let job = self.job();
            if job.is_some() || self.scheduler.is_none() || began.elapsed() > NUMBERED {
                break job;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        let (Some(scheduler), Some(job)) = (&self.scheduler, job) else {
            return;
        };
        let cancelled = async {
            let mut client = SchedulerGrpcClient::connect(scheduler.clone()).await?;
            let job_id = job.to_string();
            client.cancel_job(CancelJobParams { job_id }).await?;
            Ok::<(), Box<dyn std::error::Error>>(())
        };
        if let Err(error) = cancelled.await {
            tracing::warn!("cannot cancel job {job}: {error}");
        }
    }

    /// The number of the job that was asked for last, once it is known.
    fn job(&self) -> Option<JobId> {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked
            .as_ref()?
            .downcast_ref::<DistributedQueryExec<LogicalPlanNode>>()?
            .job_id()
    }
}

fn with_partitions(config: SessionConfig, partitions: Option<u32>) -> SessionConfig {
    match partitions {
        Some(partitions) => config.with_target_partitions(partitions as usize),
        None => config,
    }
}

/// `http://HOST:PORT` of `df://HOST[:PORT]`.
fn scheduler_of(url: &str) -> Result<String, Error> {
    let wrong = || Error::Url { url: url.into() };
    let parsed = Url::parse(url).map_err(|_| wrong())?;
    let host = parsed.host_str().ok_or_else(wrong)?;
    if parsed.scheme() != "df" || host.is_empty() {
        return Err(wrong());
    }
    Ok(format!("http://{host}:{}", parsed.port().unwrap_or(PORT)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_those_of_ballista() {
        assert_eq!(
            scheduler_of("df://node1:7000").unwrap(),
            "http://node1:7000"
        );
        assert_eq!(scheduler_of("df://node1").unwrap(), "http://node1:50050");
        for wrong in ["node1:50050", "http://node1:50050", "df://", ""] {
            assert!(scheduler_of(wrong).is_err(), "{wrong}");
        }
    }
}
