//! What a node does with a task.

use std::path::Path;

use super::SCRIPT;
use crate::error::PipelineError;
use crate::run::shell_quoted;

/// Exit codes with which no task was run, so that nothing is to be taken: on this node it cannot be. There are two more, of tasks that
/// may run later: 91, the folder is not there; 96, a task that it needs has not ended well.
pub(super) const NO_PROGRAM: u8 = 92;
pub(super) const OTHER_PROGRAM: u8 = 93;
pub(super) const DOES_NOT_START: u8 = 94;

/// The script of all tasks of an emission; `HERE` is its folder. It can be run by hand, and again: what has ended well is not run
/// twice. A try that refused its input is not repeated.
const TEXT: &str = r#"#!/bin/sh
# A task of `cinescore emit`: `sh task.sh NUMBER`. With `--list FILE`, the one whose number stands in the line of
# JOB_COMPLETION_INDEX, counted from 0; it is tried once, since Kubernetes tries it again.
here=HERE
tries=1000
if [ "$1" = --list ]; then
    tries=1
    number=$(sed -n "$((JOB_COMPLETION_INDEX + 1))p" "$2")
else
    number=$1
fi
task=$here/tasks/$number
if [ -z "$number" ] || [ ! -d "$task" ]; then
    echo "cinescore: there is no task folder $task: does this node see $here, and was it taken already?" >&2
    exit 91
fi
case $(cat "$task/exit" 2>/dev/null) in 0\ *) exit 0 ;; esac
rm -f "$task/why" "$task/exit" "$task/failed"
not_run() {
    echo "$2" >"$task/why"
    echo "cinescore: $2" >&2
    exit "$1"
}
for other in $(cat "$task/needs"); do
    case $(cat "$here/tasks/$other/exit" 2>/dev/null) in
    0\ *) ;;
    *) not_run 96 "task $other, which it needs, has not ended well" ;;
    esac
done
{ read -r program; read -r digest; } <"$task/program"
[ -x "$program" ] || not_run 92 "there is no program $program on its node"
said=$(sh "$task/run.sh" describe 2>&1) || not_run 94 "$program does not start on its node: $said"
case $said in
*"$digest"*) ;;
*) not_run 93 "$program is another build on its node" ;;
esac
begun=$(date +%s.%N)
echo "$begun $(uname -n)" >"$task/begun"
: >"$task/log"
try=0
code=0
while read -r seconds; do
    try=$((try + 1))
    rm -rf "$task/out"
    mkdir -p "$task/out" "$task/scratch" || not_run 91 "its folder cannot be written"
    limit=
    [ "$seconds" = 0 ] || limit="timeout -k 10 $seconds"
    $limit sh "$task/run.sh" >>"$task/log" 2>&1 3>"$task/events" </dev/null
    code=$?
    case $code in 0 | 2 | 3 | 130) break ;; esac
    [ "$try" -lt "$tries" ] || break
done <"$task/limits"
times >"$task/times"
echo "$code $begun $(date +%s.%N) $try $(uname -n)" >"$task/.exit"
mv "$task/.exit" "$task/exit"
exit "$code"
"#;

/// Writes the script into an emission's folder.
pub(super) fn write(emission: &Path) -> Result<(), PipelineError> {
    let path = emission.join(SCRIPT);
    let text = TEXT.replace("HERE", &shell_quoted(&emission.to_string_lossy()));
    fs_err::write(&path, text).map_err(PipelineError::io("write", &path))
}
