//! What a preview says, in words.

use powercrud_engine::{
    bulk::{Failure, Preview},
    resource::{Resource, grouped},
};

/// "261 books will change, 209 will fail because the sale price is not below the price (CHECK sale_price < price), 404 already have this
/// value."
pub(super) fn sentence(resource: &Resource, preview: &Preview) -> String {
    let will = if preview.stops_all() { "could change" } else { "will change" };
    let mut parts = vec![format!("{} {will}", resource.count_in_words(preview.changing_records))];
    match &preview.failures[..] {
        [] => {}
        [one] => parts.push(format!("{} will fail because {}", grouped(one.records), reason(one))),
        _ => parts.push(format!("{} will fail", grouped(preview.failing_records))),
    }
    match preview.unchanged_records {
        0 => {}
        1 => parts.push("1 already has this value".to_owned()),
        unchanged => parts.push(format!("{} already have this value", grouped(unchanged))),
    }
    format!("{}.", parts.join(", "))
}

/// Each reason with its number, where there are several.
pub(super) fn failures(preview: &Preview) -> Vec<String> {
    if preview.failures.len() < 2 {
        return Vec::new();
    }
    preview.failures.iter().map(|failure| format!("{}: {}", grouped(failure.records), reason(failure))).collect()
}

fn reason(failure: &Failure) -> String {
    match failure.rule.as_str() {
        "" => failure.message.clone(),
        rule => format!("{} (CHECK {rule})", failure.message),
    }
}

/// What a failure does to the others.
pub(super) fn note(resource: &Resource, preview: &Preview) -> String {
    match preview.failing_records {
        0 => String::new(),
        // Nothing is asked for, and nothing reported.
        _ if preview.changing_records == 0 => String::new(),
        _ if preview.stops_all() => {
            let all = resource.count_in_words(preview.total_records);
            format!("{all} are changed together or not at all: with a failure among them nothing is changed.")
        }
        _ => "Records that fail stay as they are and are listed in the report.".to_owned(),
    }
}

/// What the database can't be asked beforehand.
pub(in crate::web) fn unknown(preview: &Preview) -> String {
    match preview.unknown.is_empty() {
        true => String::new(),
        false => format!("The database may still refuse records: {}.", preview.unknown.join(", ")),
    }
}
