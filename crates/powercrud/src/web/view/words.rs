//! Which records a task is about, in words.

use serde_json::Value;

use super::isolated;
use powercrud_engine::{
    query::{Filter, InTask, ListParams, Operator},
    resource::{Resource, grouped},
    task::{BulkTask, results::Outcome},
};

/// "Status is draft and Price is at least 10": what all selected records have in common; `None` where they were chosen otherwise.
pub(super) fn condition(resource: Option<&Resource>, task: &BulkTask) -> Option<String> {
    let pairs = matching(task)?;
    if pairs.is_empty() {
        return None;
    }
    let Some(params) = resource.and_then(|resource| ListParams::parse_with_task(resource, &pairs).ok()) else {
        // The resource or a field is gone since: as it was asked for.
        let pairs = pairs.iter().map(|(name, value)| format!("{name}={}", isolated(value)));
        return Some(pairs.collect::<Vec<_>>().join(" and "));
    };
    let mut parts: Vec<_> = params.filters.iter().map(|filter| one(resource, filter)).collect();
    if !params.search.is_empty() {
        parts.push(format!("“{}” is found", isolated(&params.search)));
    }
    if let Some(in_task) = params.in_task {
        parts.push(format!("an earlier task {}", left(in_task)));
    }
    Some(parts.join(" and "))
}

/// What a task did with the records that it left with an outcome, or with all of its own.
pub(in crate::web) fn left(in_task: InTask) -> &'static str {
    match in_task.outcome {
        Some(Outcome::Succeeded) => "was done with them",
        Some(Outcome::Failed) => "failed on them",
        Some(Outcome::Unprocessed) => "did not come to them",
        None => "was about them",
    }
}

fn one(resource: Option<&Resource>, filter: &Filter) -> String {
    let field = resource.and_then(|resource| resource.field(&filter.field));
    let label = field.map_or(filter.field.as_str(), |field| &field.label);
    match filter.operator {
        Operator::IsNull if matches!(filter.value.as_str(), "false" | "0" | "no") => format!("{label} is not empty"),
        Operator::IsNull => format!("{label} is empty"),
        operator => {
            let words = field.map_or(operator.name(), |field| operator.label(&field.column));
            let is = match operator {
                Operator::Gt | Operator::Gte | Operator::Lt | Operator::Lte => "is ",
                _ => "",
            };
            format!("{label} {is}{words} {}", isolated(&filter.value))
        }
    }
}

/// The filters of "all that match".
fn matching(task: &BulkTask) -> Option<Vec<(String, String)>> {
    let pairs = task.selection.get("matching")?.as_array()?;
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    Some(pairs.iter().map(|pair| (text(pair.get(0)), text(pair.get(1)))).collect())
}

/// How the records were chosen.
pub(super) fn selection(resource: Option<&Resource>, task: &BulkTask) -> String {
    let number = |key: &str| task.selection.get(key).and_then(Value::as_u64).unwrap_or(0);
    if matching(task).is_some() {
        let mut words = match condition(resource, task) {
            Some(condition) => format!("all where {condition}"),
            None => "all".to_owned(),
        };
        if number("excluded") > 0 {
            words.push_str(&format!(", except {}", grouped(number("excluded"))));
        }
        if number("added") > 0 {
            words.push_str(&format!(", and {} ticked", grouped(number("added"))));
        }
        return words;
    }
    if task.selection.get("kept_by").is_some() {
        return "those that the reverted task had changed".to_owned();
    }
    if task.selection.get("unfinished_of").is_some() {
        return "those that an earlier task left undone".to_owned();
    }
    format!("{} chosen one by one", grouped(number("keys") + number("ticked")))
}
