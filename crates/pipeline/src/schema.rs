//! The JSON Schema of pipeline files, for editors and other programs.
//!
//! Owns the shape that `file` reads, said once more as a schema (a test holds the two together), with the
//! parameters of every stage program that is there. What a schema cannot say (references, variables that
//! nothing reads) is left to `cinescore plan`.

use serde_json::{Map, Value, json};

use crate::error::PipelineError;
use crate::file::{
    EXECUTORS, GOALS, METHODS, METRIC_KEYS, OUTPUT_KEYS, RANGE_KEYS, RESOURCE_KEYS, RETRY_KEYS,
    ROOT_KEYS, RUNG_KEYS, SLURM_KEYS, STAGE_KEYS, SWEEP_KEYS, VERSION,
};
use crate::programs::Programs;

/// A text in which a variable stands: allowed wherever a value is.
const VARIABLE: &str = r"\$\{[^}]*\}";

/// The schema of a pipeline's file (JSON Schema 2020-12).
pub fn schema(programs: &Programs) -> Result<Value, PipelineError> {
    let mut runs = Vec::new();
    let mut by_kind = Vec::new();
    for name in programs.names() {
        let Some(program) = programs.find(&name) else {
            continue;
        };
        let description = programs.describe(&program)?;
        for kind in description.kinds {
            let run = if kind.name == name {
                name.clone()
            } else {
                format!("{name} {}", kind.name)
            };
            runs.push(json!({ "const": run, "description": kind.about }));
            let inputs: Map<String, Value> = kind
                .inputs
                .iter()
                .map(|input| {
                    let schema = json!({ "$ref": "#/$defs/input", "description": input.about });
                    (input.name.clone(), schema)
                })
                .collect();
            let outputs: Map<String, Value> = kind
                .outputs
                .iter()
                .map(|output| {
                    let schema = json!({ "$ref": "#/$defs/output", "description": output.about });
                    (output.name.clone(), schema)
                })
                .collect();
            let mut params = kind.params.clone();
            if let Some(params) = params.as_object_mut() {
                params.remove("$schema");
            }
            allow_variables(&mut params, true);
            by_kind.push(json!({
                "if": { "properties": { "run": { "const": run } }, "required": ["run"] },
                "then": { "properties": {
                    "params": params,
                    "inputs": { "properties": inputs, "additionalProperties": false },
                    "outputs": { "properties": outputs, "additionalProperties": false },
                } },
            }));
        }
    }
    runs.push(json!({ "type": "string", "description": "PROGRAM KIND, of a program that is not here now" }));
    Ok(json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A Cinescore pipeline",
        "type": "object",
        "required": ["version"],
        "properties": keyed(&ROOT_KEYS, |key| match key {
            "version" => json!({ "const": VERSION, "description": "The version of the format" }),
            "include" => said("Other files whose variables and stages are taken in, beside this one", texts()),
            "vars" => json!({
                "description": "Values for ${name}; `--set vars.name=value` sets them",
                "type": ["object", "null"],
                "propertyNames": { "$ref": "#/$defs/name" },
            }),
            "executor" => executor(),
            "sweep" => sweep(),
            _ => json!({
                "description": "The stages by name",
                "type": ["object", "null"],
                "propertyNames": { "$ref": "#/$defs/name" },
                "additionalProperties": { "$ref": "#/$defs/stage" },
            }),
        }),
        "additionalProperties": false,
        "$defs": {
            "name": { "type": "string", "pattern": "^[A-Za-z][A-Za-z0-9_-]*$" },
            "variable": { "type": "string", "pattern": VARIABLE },
            "input": said("`stage`, `stage.output`, `stage[key=value].output`, `stage[*]`, or a path", texts()),
            "output": {
                "type": "object",
                "properties": keyed(&OUTPUT_KEYS, |key| match key {
                    "min_rows" => or_variable("The fewest rows that it may have", json!({ "type": "integer", "minimum": 0 })),
                    "max_rows" => or_variable("The most rows that it may have", json!({ "type": "integer", "minimum": 0 })),
                    _ => said("Columns that it must have", texts()),
                }),
                "additionalProperties": false,
            },
            "stage": {
                "type": "object",
                "required": ["run"],
                "properties": keyed(&STAGE_KEYS, |key| stage_key(key, &runs)),
                "additionalProperties": false,
                "allOf": by_kind,
            },
        },
    }))
}

fn stage_key(key: &str, runs: &[Value]) -> Value {
    let plain = json!({ "type": ["string", "number", "boolean"] });
    let cell = json!({ "type": "object", "additionalProperties": plain.clone() });
    match key {
        "run" => json!({ "description": "Program and kind", "anyOf": runs }),
        "inputs" => json!({
            "description": "What it reads, by the kind's names",
            "type": "object",
            "additionalProperties": { "$ref": "#/$defs/input" },
        }),
        "params" => json!({ "description": "The kind's parameters", "type": "object" }),
        "matrix" => json!({
            "description": "One stage for every combination of these values; each is a variable of its cell",
            "type": "object",
            "properties": {
                "include": said("Further cells", json!({ "type": "array", "items": cell })),
                "exclude": said("Cells to leave out", json!({ "type": "array", "items": cell })),
                "override": said("Other fields for some of the cells", json!({
                    "type": "array",
                    "items": { "type": "object", "required": ["when"], "properties": { "when": cell } },
                })),
            },
            "additionalProperties": { "anyOf": [
                { "type": "array", "minItems": 1, "items": { "anyOf": [plain, { "$ref": "#/$defs/variable" }] } },
                { "$ref": "#/$defs/variable" },
            ] },
        }),
        "resources" => json!({
            "description": "What it is given",
            "type": "object",
            "properties": keyed(&RESOURCE_KEYS, |key| match key {
                "threads" => or_variable("Threads; all where not said", json!({ "type": "integer", "minimum": 1, "maximum": 1024 })),
                "gpu" => or_variable("GPUs", json!({ "type": "integer", "minimum": 0, "maximum": 1024 })),
                _ => said("Memory that it needs at most, such as 4GB: no more is started than fits", json!({ "type": "string" })),
            }),
            "additionalProperties": false,
        }),
        "executor" => executor(),
        "mutex" => said(
            "Stages that share such a name never run side by side",
            texts(),
        ),
        "timeout" => said(
            "How long a try may take, such as 90s or 2h 30m",
            json!({ "type": "string" }),
        ),
        "retries" => json!({
            "description": "Further tries after a failure",
            "anyOf": [
                { "type": "integer", "minimum": 0, "maximum": 100 },
                { "$ref": "#/$defs/variable" },
                {
                    "type": "object",
                    "required": ["times"],
                    "properties": keyed(&RETRY_KEYS, |key| match key {
                        "times" => or_variable("Further tries", json!({ "type": "integer", "minimum": 0, "maximum": 100 })),
                        "memory_factor" => or_variable("What the memory is multiplied by at each", json!({ "type": "number", "minimum": 1 })),
                        _ => or_variable("What the timeout is multiplied by at each", json!({ "type": "number", "minimum": 1 })),
                    }),
                    "additionalProperties": false,
                },
            ],
        }),
        "env" => said(
            "Variables of the environment that it gets; their values are in its key",
            texts(),
        ),
        "frozen" => or_variable(
            "Its last result counts as fresh, whatever changed",
            json!({ "type": "boolean" }),
        ),
        "shards" => or_variable(
            "Into how many shards the work is divided, of kinds that can be",
            json!({ "type": "integer", "minimum": 1, "maximum": crate::shards::MOST }),
        ),
        "persist" => or_variable(
            "Keep its scratch folder when it fails and give it to the next try",
            json!({ "type": "boolean" }),
        ),
        "records" => or_variable(
            "Tell it how long the stages above it took and where: of a report",
            json!({ "type": "boolean" }),
        ),
        "outputs" => json!({
            "description": "What its outputs are held to",
            "type": "object",
            "additionalProperties": { "$ref": "#/$defs/output" },
        }),
        _ => json!({
            "description": "How far its metrics may be from the lock file's; `name*` stands for all that begin so",
            "type": "object",
            "additionalProperties": {
                "type": "object",
                "required": METRIC_KEYS,
                "properties": keyed(&METRIC_KEYS, |_| or_variable("The largest difference", json!({ "type": "number", "minimum": 0 }))),
                "additionalProperties": false,
            },
        }),
    }
}

/// Where stages run.
fn executor() -> Value {
    let slurm = json!({
        "description": "As jobs of a Slurm cluster that sees the store under the same path",
        "type": ["object", "null"],
        "properties": keyed(&SLURM_KEYS, |key| match key {
            "partition" => said("--partition of sbatch", json!({ "type": "string" })),
            "account" => said("--account of sbatch", json!({ "type": "string" })),
            "extra" => said("Further arguments of sbatch, such as --qos=long", texts()),
            "at_once" => or_variable("The most tasks of one job array that run at once", json!({ "type": "integer", "minimum": 1 })),
            _ => said("How often squeue is asked at most, such as 30s", json!({ "type": "string" })),
        }),
        "additionalProperties": false,
    });
    json!({
        "description": "Where stages run; nothing of it is in a key",
        "anyOf": [
            { "enum": EXECUTORS },
            { "$ref": "#/$defs/variable" },
            { "type": "object", "properties": { "slurm": slurm }, "required": ["slurm"], "additionalProperties": false },
        ],
    })
}

fn sweep() -> Value {
    let ends =
        json!({ "type": "array", "items": { "type": "number" }, "minItems": 2, "maxItems": 2 });
    let ranges = RANGE_KEYS.iter().map(|kind| {
        let values = match *kind {
            "choice" => said("One of these", json!({ "type": "array", "minItems": 1 })),
            "int" => said("A whole number from the first to the second", ends.clone()),
            "uniform" => said("A number between the two", ends.clone()),
            _ => said("A number between the two, every order of magnitude as likely", ends.clone()),
        };
        json!({
            "type": "object",
            "required": [kind],
            "properties": {
                *kind: values,
                "steps": said("Points in a grid", json!({ "type": "integer", "minimum": 2, "maximum": 1000 })),
            },
            "additionalProperties": false,
        })
    });
    json!({
        "description": "A search over variables of the pipeline, for `cinescore sweep`",
        "type": "object",
        "required": ["stage", "metric", "goal", "method", "search"],
        "properties": keyed(&SWEEP_KEYS, |key| match key {
            "stage" => said("The stage whose trials are compared", json!({ "$ref": "#/$defs/name" })),
            "metric" => said("The metric that decides, of the validation split", json!({ "type": "string", "pattern": r"^valid\." })),
            "goal" => json!({ "enum": GOALS }),
            "method" => json!({ "enum": METHODS }),
            "trials" => said("How many, for random and halving", json!({ "type": "integer", "minimum": 1 })),
            "seed" => said("Seed of the random choices", json!({ "type": "integer", "minimum": 0 })),
            "rungs" => json!({
                "description": "How far trials go before they are compared, for halving",
                "type": "object",
                "required": ["at"],
                "properties": keyed(&RUNG_KEYS, |key| match key {
                    "at" => json!({ "type": "array", "minItems": 1, "items": { "type": "integer", "minimum": 1 } }),
                    "reduction" => said("One in so many goes on", json!({ "type": "integer", "minimum": 2 })),
                    "param" => said("The parameter that says how far", json!({ "type": "string" })),
                    _ => said("The output that the next rung goes on from", json!({ "type": "string" })),
                }),
                "additionalProperties": false,
            }),
            _ => said("Ranges by variable", json!({ "type": "object", "minProperties": 1, "additionalProperties": { "oneOf": ranges.clone().collect::<Vec<_>>() } })),
        }),
        "additionalProperties": false,
    })
}

/// A schema for each of some keys, so that a key which the loader knows cannot be forgotten here.
fn keyed(keys: &[&str], schema: impl Fn(&str) -> Value) -> Value {
    keys.iter()
        .map(|key| ((*key).to_owned(), schema(key)))
        .collect::<Map<_, _>>()
        .into()
}

fn texts() -> Value {
    json!({ "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }] })
}

fn said(description: &str, mut schema: Value) -> Value {
    schema["description"] = description.into();
    schema
}

fn or_variable(description: &str, schema: Value) -> Value {
    json!({ "description": description, "anyOf": [schema, { "$ref": "#/$defs/variable" }] })
}

/// Allows a variable wherever a parameter's schema asks for something else than a text.
fn allow_variables(schema: &mut Value, is_root: bool) {
    let Some(fields) = schema.as_object_mut() else {
        return;
    };
    for key in ["properties", "$defs"] {
        if let Some(Value::Object(properties)) = fields.get_mut(key) {
            for property in properties.values_mut() {
                allow_variables(property, false);
            }
        }
    }
    for key in ["items", "additionalProperties"] {
        if let Some(inner) = fields.get_mut(key) {
            allow_variables(inner, false);
        }
    }
    for key in ["oneOf", "anyOf"] {
        if let Some(Value::Array(alternatives)) = fields.get_mut(key) {
            for alternative in alternatives {
                // Not the alternatives themselves: a text must still fit one of them or be a variable.
                for inner in ["properties", "$defs"] {
                    if let Some(Value::Object(properties)) = alternative.get_mut(inner) {
                        for property in properties.values_mut() {
                            allow_variables(property, false);
                        }
                    }
                }
            }
        }
    }
    if !is_root {
        let description = fields.get("description").cloned();
        let mut allowed = json!({ "anyOf": [schema.take(), { "$ref": "#/$defs/variable" }] });
        if let Some(description) = description {
            allowed["description"] = description;
        }
        *schema = allowed;
    }
}
