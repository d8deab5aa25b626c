//! What is told of a task that has ended: its outcome, its counts, the first of its errors.

use serde::Serialize;
use uuid::Uuid;

use super::outcome;
use crate::{
    engine::Engine,
    error::Result,
    resource::grouped,
    task::{BulkTask, RecordError, store},
};

/// Errors that are told one by one; more are only counted.
const TOLD: u64 = 10;

/// Characters of a value or message; more are cut.
const LONGEST: usize = 200;

/// A task that has ended.
pub struct Summary {
    /// The task.
    pub task: BulkTask,
    /// `success`, `warning` or `error`.
    pub level: &'static str,
    /// How it ended, in a sentence.
    pub outcome: String,
    /// What an update did, one phrase a field.
    pub changes: Vec<String>,
    /// The first errors.
    pub errors: Vec<RecordError>,
    /// How many more there are.
    pub more_errors: u64,
    /// Its page, where it is known how people reach it.
    pub href: Option<String>,
    /// Labels of the fields in `errors`.
    fields: Vec<Option<String>>,
}

/// One error, for a template.
#[derive(Serialize)]
pub struct ErrorLine {
    key: String,
    field: Option<String>,
    message: String,
}

impl Summary {
    /// Of that task.
    ///
    /// # Errors
    /// Where the task is no more, or the database fails.
    pub async fn of(engine: &Engine, task_id: Uuid) -> Result<Self> {
        let task = store::load(engine, task_id).await?.as_shown(engine);
        let resource = engine.resource(&task.resource).ok().map(AsRef::as_ref);
        let (level, outcome) = outcome(resource, &task);
        let label = |name: &str| resource.map_or_else(|| name.to_owned(), |resource| resource.label_of(name));
        let errors = store::load_errors(engine, task_id, 0, TOLD).await?;
        Ok(Self {
            level: level.as_str(),
            outcome,
            changes: if task.sets_fields() { task.changes_in_words(label, LONGEST) } else { Vec::new() },
            // Results may be purged meanwhile; what is counted stays.
            more_errors: task.failed_records.saturating_sub(errors.len() as u64),
            href: href(engine, task_id),
            fields: errors.iter().map(|error| error.field.as_deref().map(label)).collect(),
            errors,
            task,
        })
    }

    /// The errors in words.
    pub fn error_lines(&self) -> Vec<ErrorLine> {
        let line = |(error, field): (&RecordError, &Option<String>)| ErrorLine {
            key: cut(&error.record_key),
            field: field.clone(),
            message: cut(&error.message),
        };
        self.errors.iter().zip(&self.fields).map(line).collect()
    }

    /// "12 failed records more", "1 failed record more", or nothing.
    pub fn more_in_words(&self) -> String {
        match (self.more_errors, self.errors.is_empty()) {
            (0, _) => String::new(),
            (1, false) => "and 1 more".to_owned(),
            (1, true) => "1 record".to_owned(),
            (more, false) => format!("and {} more", grouped(more)),
            (more, true) => format!("{} records", grouped(more)),
        }
    }
}

fn cut(text: &str) -> String {
    match text.chars().count() > LONGEST {
        true => format!("{}…", text.chars().take(LONGEST).collect::<String>()),
        false => text.to_owned(),
    }
}

/// A task's page, under `base_url`.
fn href(engine: &Engine, task_id: Uuid) -> Option<String> {
    let base = engine.settings().base_url.as_deref()?;
    Some(format!("{}/tasks/{task_id}", base.trim_end_matches('/')))
}
