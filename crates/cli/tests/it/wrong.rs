//! A corpus of wrong pipelines, `tests/wrong/*.yaml`, each with the message that people get beside it.
//!
//! After a change of messages: `INSTA_UPDATE=always cargo test -p cinescore-cli wrong`, and read the diff.

use std::path::Path;

use crate::project::Project;

#[test]
fn every_wrong_pipeline_is_refused_with_its_message() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wrong");
    let mut files: Vec<_> = fs_err::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "yaml")
        })
        .collect();
    files.sort();
    assert!(files.len() >= 60, "the corpus has {} files", files.len());
    let project = Project::new("");
    for file in files {
        let text = fs_err::read_to_string(&file).unwrap();
        project.write(&text);
        let ran = project.run("plan");
        let name = file.file_stem().unwrap().to_str().unwrap();
        assert_eq!(ran.code, 2, "{name}: {}{}", ran.stdout, ran.stderr);
        assert_eq!(ran.stdout, "", "{name}");
        insta::with_settings!({
            snapshot_path => "../wrong",
            prepend_module_to_snapshot => false,
            omit_expression => true,
            description => text,
            // Which programs lie beside the tested one depends on what was built.
            filters => [(r"(?m)^  known: ([a-z]+, )*toy(, [a-z]+)*\n", "")],
        }, {
            insta::assert_snapshot!(name, ran.stderr);
        });
    }
}
