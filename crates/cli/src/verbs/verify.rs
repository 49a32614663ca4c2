//! `cinescore verify`: is everything whole that is kept?

use cinescore_artifact::{StageError, exit};
use cinescore_pipeline::verify::{self, Fault, Repair};

use crate::amounts;
use crate::arguments::{ProjectArguments, VerifyArguments};
use crate::display;

pub(crate) fn verify(
    project: &ProjectArguments,
    arguments: &VerifyArguments,
) -> Result<u8, StageError> {
    let project = project.open_store()?;
    let repair = if arguments.repair {
        Repair::Yes
    } else {
        Repair::No
    };
    let report = verify::verify(&project, repair)?;
    if arguments.json {
        display::data(&serde_json::to_value(&report).map_err(StageError::failed)?)?;
    } else {
        for fault in &report.faults {
            display::row(&line(fault));
        }
        for path in &report.orphans {
            let path = ProjectArguments::shown(path);
            display::row(&format!("orphan    {path}: no record names it"));
        }
        for aside in &report.quarantined {
            let path = ProjectArguments::shown(&aside.path);
            let bytes = amounts::bytes(aside.bytes);
            display::row(&format!("set aside {path}, {bytes}"));
        }
        for (fingerprint, count) in &report.ambiguous {
            display::row(&format!(
                "ambiguous {}: {count} different results for one key, its stage is not deterministic",
                fingerprint.short()
            ));
        }
    }
    display::say(&format!(
        "{} objects, {}, and {} records were read: {}",
        display::thousands(report.objects as u64),
        amounts::bytes(report.bytes),
        display::thousands(report.records as u64),
        match (report.faults.len(), arguments.repair) {
            (0, _) => "all is whole".to_owned(),
            (1, true) => "1 fault was repaired".to_owned(),
            (faults, true) => format!("{faults} faults were repaired"),
            (1, false) => "1 fault, `cinescore verify --repair` sets it right".to_owned(),
            (faults, false) =>
                format!("{faults} faults, `cinescore verify --repair` sets them right"),
        }
    ));
    Ok(if report.faults.is_empty() || arguments.repair {
        exit::DONE
    } else {
        exit::MACHINE
    })
}

fn line(fault: &Fault) -> String {
    let shown = |path: &std::path::Path| ProjectArguments::shown(path);
    match fault {
        Fault::DamagedObject { path } => {
            format!(
                "damaged   {}: other bytes than its digest says",
                shown(path)
            )
        }
        Fault::DamagedRecord { path } => {
            format!("damaged   {}: other bytes than were written", shown(path))
        }
        Fault::MissingObject {
            path,
            output,
            digest,
        } => format!(
            "missing   {}, the output `{output}` of {}",
            digest.short(),
            shown(path)
        ),
        Fault::View { path } => {
            format!("view      {}: the next run puts it right", shown(path))
        }
        Fault::Stray { path } => format!("stray     {}: no object and no record", shown(path)),
    }
}
