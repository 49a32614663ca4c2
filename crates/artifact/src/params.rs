//! Parameters against their JSON Schema: what is wrong with them, and what they are with every
//! default filled in.
//!
//! Used by the runner (for a pipeline) and by [`crate::program`] (for a command line), so that both
//! accept the same things.

use serde_json::{Map, Value};

/// One thing that is wrong with a set of parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParamProblem {
    /// Keys from the parameters' root to the value at fault.
    pub path: Vec<String>,
    /// What is wrong.
    pub message: String,
    /// For an unknown key: the keys that are known there.
    pub known: Vec<String>,
}

/// A schema made ready, for checking many sets of parameters.
#[derive(Debug)]
pub struct Checker {
    schema: Value,
    validator: Result<jsonschema::Validator, String>,
}

/// Everything that is wrong with `params`, in the order of their keys.
pub fn check(schema: &Value, params: &Value) -> Vec<ParamProblem> {
    Checker::new(schema).check(params)
}

impl Checker {
    /// Makes a schema ready.
    pub fn new(schema: &Value) -> Self {
        Self {
            schema: schema.clone(),
            validator: jsonschema::validator_for(schema).map_err(|error| error.to_string()),
        }
    }

    /// Everything that is wrong with `params`, in the order of their keys.
    pub fn check(&self, params: &Value) -> Vec<ParamProblem> {
        let schema = &self.schema;
        let validator = match &self.validator {
            Ok(validator) => validator,
            Err(error) => {
                let message = format!("the stage program's own schema is broken: {error}");
                return vec![ParamProblem {
                    path: Vec::new(),
                    message,
                    known: Vec::new(),
                }];
            }
        };
        let mut problems = Vec::new();
        for error in validator.iter_errors(params) {
            let path: Vec<String> = error
                .instance_path()
                .as_str()
                .split('/')
                .skip(1)
                .map(|part| part.replace("~1", "/").replace("~0", "~"))
                .collect();
            if let jsonschema::error::ValidationErrorKind::AdditionalProperties { unexpected } =
                error.kind()
            {
                let mut known: Vec<String> = schema_at(schema, &path)
                    .and_then(|schema| schema.get("properties"))
                    .and_then(Value::as_object)
                    .map(|properties| properties.keys().cloned().collect())
                    .unwrap_or_default();
                known.sort();
                for key in unexpected {
                    let mut path = path.clone();
                    path.push(key.clone());
                    problems.push(ParamProblem {
                        path,
                        message: format!("unknown parameter `{key}`"),
                        known: known.clone(),
                    });
                }
            } else {
                // `oneOf` is how a schema spells an enum; its own message does not name the values.
                let values = schema_at(schema, &path).map(names).unwrap_or_default();
                let message = match values.as_slice() {
                    [] => error.to_string(),
                    values => format!("{} is none of {}", error.instance(), values.join(", ")),
                };
                problems.push(ParamProblem {
                    path,
                    message,
                    known: Vec::new(),
                });
            }
        }
        problems.sort_by(|a, b| a.path.cmp(&b.path));
        problems
    }
}

fn schema_at<'a>(schema: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter()
        .try_fold(schema, |schema, key| schema.get("properties")?.get(key))
}

/// The names that the schema of an enum of plain names allows; none for other schemas.
pub fn names(schema: &Value) -> Vec<String> {
    let listed = |schema: &Value| -> Vec<String> {
        let list = schema.get("enum").and_then(Value::as_array);
        let values = list.into_iter().flatten().chain(schema.get("const"));
        values.filter_map(Value::as_str).map(String::from).collect()
    };
    let alternatives = schema.get("oneOf").and_then(Value::as_array);
    let alternatives = alternatives.into_iter().flatten().flat_map(listed);
    listed(schema).into_iter().chain(alternatives).collect()
}

/// `params` with every default of the schema filled in, so that writing a default out changes
/// nothing. Keys come out sorted.
pub fn complete(schema: &Value, params: &Value) -> Value {
    let Some(given) = params.as_object() else {
        return params.clone();
    };
    let Some(schema) = variant_for(schema, given) else {
        return params.clone();
    };
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
        return params.clone();
    };
    let mut keys: Vec<&String> = properties.keys().chain(given.keys()).collect();
    keys.sort();
    keys.dedup();
    let mut complete = Map::new();
    for key in keys {
        let property = properties.get(key);
        let value = given
            .get(key)
            .or_else(|| property.and_then(|property| property.get("default")));
        if let Some(value) = value {
            let value =
                property.map_or_else(|| value.clone(), |property| self::complete(property, value));
            complete.insert(key.clone(), value);
        }
    }
    Value::Object(complete)
}

/// The schema itself, or the alternative of an `oneOf`/`anyOf` whose required keys are all given.
fn variant_for<'a>(schema: &'a Value, given: &Map<String, Value>) -> Option<&'a Value> {
    let alternatives = ["oneOf", "anyOf"]
        .iter()
        .find_map(|key| schema.get(key)?.as_array());
    let Some(alternatives) = alternatives else {
        return Some(schema);
    };
    alternatives.iter().find(|alternative| {
        alternative
            .get("required")
            .and_then(Value::as_array)
            .is_some_and(|required| {
                required
                    .iter()
                    .filter_map(Value::as_str)
                    .all(|key| given.contains_key(key))
            })
    })
}

#[cfg(test)]
mod tests {
    use schemars::JsonSchema;
    use serde::{Deserialize, Serialize};
    use serde_json::json;

    use super::*;

    #[derive(Debug, Serialize, Deserialize, JsonSchema)]
    #[serde(default, deny_unknown_fields)]
    struct Example {
        #[schemars(range(min = 1))]
        epochs: u32,
        task: Task,
        optimizer: Optimizer,
    }

    impl Default for Example {
        fn default() -> Self {
            Self {
                epochs: 3,
                task: Task::Binary,
                optimizer: Optimizer::Adam(Adam::default()),
            }
        }
    }

    #[derive(Debug, Serialize, Deserialize, JsonSchema)]
    #[serde(rename_all = "snake_case")]
    enum Task {
        /// Negative or positive.
        Binary,
        /// Stars.
        Regression,
    }

    #[derive(Debug, Serialize, Deserialize, JsonSchema)]
    #[serde(rename_all = "snake_case")]
    enum Optimizer {
        Adam(Adam),
    }

    #[derive(Debug, Serialize, Deserialize, JsonSchema)]
    #[serde(default, deny_unknown_fields)]
    struct Adam {
        lr: f64,
        beta1: f64,
    }

    impl Default for Adam {
        fn default() -> Self {
            Self {
                lr: 1e-3,
                beta1: 0.9,
            }
        }
    }

    fn schema() -> Value {
        crate::program::schema_of::<Example>()
    }

    #[test]
    fn defaults_are_filled_in_at_every_depth() {
        assert_eq!(
            complete(&schema(), &json!({})),
            json!({"epochs": 3, "task": "binary", "optimizer": {"adam": {"lr": 1e-3, "beta1": 0.9}}})
        );
        assert_eq!(
            complete(&schema(), &json!({"optimizer": {"adam": {"lr": 0.5}}})),
            json!({"epochs": 3, "task": "binary", "optimizer": {"adam": {"lr": 0.5, "beta1": 0.9}}})
        );
    }

    #[test]
    fn all_problems_are_found_with_their_paths() {
        let problems = check(
            &schema(),
            &json!({"epochs": 0, "epoch": 4, "task": "binery"}),
        );
        let found: Vec<(String, &str)> = problems
            .iter()
            .map(|problem| (problem.path.join("."), problem.message.as_str()))
            .collect();
        assert_eq!(
            found,
            [
                ("epoch".to_owned(), "unknown parameter `epoch`"),
                ("epochs".to_owned(), "0 is less than the minimum of 1"),
                (
                    "task".to_owned(),
                    "\"binery\" is none of binary, regression"
                ),
            ]
        );
        assert_eq!(problems[0].known, ["epochs", "optimizer", "task"]);
    }
}
