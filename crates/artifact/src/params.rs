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
                let at_fault = schema_at(schema, &path);
                if let Some(inside) = at_fault.and_then(|schema| chosen(schema, error.instance())) {
                    // It is clear which alternative is meant, so what is wrong is told of that one.
                    let inner = check(inside, error.instance());
                    if !inner.is_empty() {
                        problems.extend(inner.into_iter().map(|problem| ParamProblem {
                            path: [path.clone(), problem.path].concat(),
                            ..problem
                        }));
                        continue;
                    }
                }
                let values = at_fault.map(names).unwrap_or_default();
                let mut message = match values.as_slice() {
                    [] => error.to_string(),
                    values => format!("{} is none of {}", error.instance(), values.join(", ")),
                };
                let name = error.instance().as_str();
                if let Some(form) = name.and_then(|name| named(at_fault?, name)).map(form) {
                    message.push_str(&format!("; write {form}"));
                }
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
    path.iter().try_fold(schema, |schema, key| {
        let property = schema.get("properties").and_then(|known| known.get(key));
        // The place in a list.
        let is_index = || key.bytes().all(|byte| byte.is_ascii_digit());
        property.or_else(|| schema.get("items").filter(|_| is_index()))
    })
}

/// What the schema of an enum allows: plain names as they are, and what has settings of its own as `{step: {..}}`.
/// None for other schemas.
pub fn names(schema: &Value) -> Vec<String> {
    let plain = |schema: &Value| -> Vec<String> {
        let list = schema.get("enum").and_then(Value::as_array);
        let values = list.into_iter().flatten().chain(schema.get("const"));
        values.filter_map(Value::as_str).map(String::from).collect()
    };
    let of_alternative = |alternative: &Value| match tagged(alternative) {
        Some((name, inside)) if is_object(inside) => vec![format!("{{{name}: {{..}}}}")],
        Some((name, _)) => vec![format!("{{{name}: ..}}")],
        None => plain(alternative),
    };
    let alternatives = alternatives(schema).into_iter().flat_map(of_alternative);
    plain(schema).into_iter().chain(alternatives).collect()
}

/// What the schema of a list allows as its items, as [`names`] has it; none for other schemas.
pub fn names_of_items(schema: &Value) -> Vec<String> {
    schema.get("items").map(names).unwrap_or_default()
}

/// The alternatives of an enum; those of an optional one lie in an alternative to nothing.
fn alternatives(schema: &Value) -> Vec<&Value> {
    let lists = ["oneOf", "anyOf"].map(|key| schema.get(key).and_then(Value::as_array));
    let direct = lists.into_iter().flatten().flatten();
    direct
        .flat_map(|alternative| match alternatives(alternative) {
            none if none.is_empty() => vec![alternative],
            inner => inner,
        })
        .collect()
}

/// The name of an alternative with settings of its own, and their schema: an object with this one key.
fn tagged(alternative: &Value) -> Option<(&str, &Value)> {
    let properties = alternative.get("properties")?.as_object()?;
    let required = alternative.get("required")?.as_array()?;
    match required.as_slice() {
        [Value::String(name)] if properties.len() == 1 => Some((name, properties.get(name)?)),
        _ => None,
    }
}

/// The alternative of an enum that has settings of its own and this name.
fn named<'a>(schema: &'a Value, name: &str) -> Option<&'a Value> {
    let is_named = |own: &&Value| tagged(own).is_some_and(|(own, _)| own == name);
    alternatives(schema).into_iter().find(is_named)
}

/// The alternative of an enum that a value with settings is meant to be.
fn chosen<'a>(schema: &'a Value, value: &Value) -> Option<&'a Value> {
    let mut keys = value.as_object()?.keys();
    match (keys.next(), keys.next()) {
        (Some(name), None) => named(schema, name),
        _ => None,
    }
}

/// How an alternative with settings is written: what must be in it, and no more.
fn form(alternative: &Value) -> String {
    let Some((name, inside)) = tagged(alternative) else {
        return String::new();
    };
    if !is_object(inside) {
        return format!("{{{name}: ..}}");
    }
    let required = inside.get("required").and_then(Value::as_array);
    let required: Vec<String> = required
        .into_iter()
        .flatten()
        .filter_map(|key| Some(format!("{}: ..", key.as_str()?)))
        .collect();
    format!("{{{name}: {{{}}}}}", required.join(", "))
}

fn is_object(schema: &Value) -> bool {
    schema.get("type").is_some_and(|own| own == "object")
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

    #[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
    #[serde(default, deny_unknown_fields)]
    struct Scheduled {
        schedule: Schedule,
        other: Option<Schedule>,
        tasks: Vec<Task>,
    }

    #[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
    #[serde(rename_all = "snake_case")]
    enum Schedule {
        /// As it is.
        #[default]
        Constant,
        /// In steps.
        Step(Step),
        /// By what is measured.
        Cosine(Adam),
        /// By so much.
        Factor(f64),
    }

    #[derive(Debug, Serialize, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    struct Step {
        every: u32,
    }

    fn messages(params: &Value) -> Vec<String> {
        let problems = check(&crate::program::schema_of::<Scheduled>(), params);
        problems
            .iter()
            .map(|problem| format!("{}: {}", problem.path.join("."), problem.message))
            .collect()
    }

    #[test]
    fn alternatives_with_settings_are_named_too() {
        let schema = crate::program::schema_of::<Scheduled>();
        let property = |name: &str| &schema["properties"][name];
        let all = ["constant", "{step: {..}}", "{cosine: {..}}", "{factor: ..}"];
        assert_eq!(names(property("schedule")), all);
        assert_eq!(names(property("other")), all);
        assert_eq!(names(property("tasks")), [""; 0]);
        assert_eq!(names_of_items(property("tasks")), ["binary", "regression"]);
        assert_eq!(names_of_items(property("schedule")), [""; 0]);
    }

    #[test]
    fn what_is_wrong_with_an_alternative_is_told_of_it() {
        let all = "constant, {step: {..}}, {cosine: {..}}, {factor: ..}";
        for (given, message) in [
            ("sine", format!("schedule: \"sine\" is none of {all}")),
            (
                "cosine",
                format!("schedule: \"cosine\" is none of {all}; write {{cosine: {{}}}}"),
            ),
            (
                "step",
                format!("schedule: \"step\" is none of {all}; write {{step: {{every: ..}}}}"),
            ),
            (
                "factor",
                format!("schedule: \"factor\" is none of {all}; write {{factor: ..}}"),
            ),
        ] {
            assert_eq!(messages(&json!({"schedule": given})), [message]);
        }
        assert_eq!(
            messages(&json!({"schedule": {"cosine": {"rate": 1}}})),
            ["schedule.cosine.rate: unknown parameter `rate`"]
        );
        assert_eq!(
            messages(&json!({"schedule": {"step": {}}})),
            ["schedule.step: \"every\" is a required property"]
        );
        assert_eq!(
            messages(&json!({"tasks": ["binary", "ternary"]})),
            ["tasks.1: \"ternary\" is none of binary, regression"]
        );
        assert_eq!(
            messages(&json!({"tasks": "binary"})),
            ["tasks: \"binary\" is not of type \"array\""]
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
