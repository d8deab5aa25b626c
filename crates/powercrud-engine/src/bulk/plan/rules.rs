//! What the application's own rules say of a plan.

use super::Plan;
use crate::{error::FieldError, form::LinkChange, validate::PlannedOperation};

impl Plan {
    /// Whether rules of the application are asked of each record, so that nobody knows beforehand what they say.
    pub(in crate::bulk) fn has_rules(&self) -> bool {
        !self.engine.extensions(&self.resource).rules.is_empty()
    }

    /// What rules of the application have against it.
    pub(super) async fn refused_by_rules(&self) -> Vec<FieldError> {
        let links = |change: &LinkChange| {
            let keys = change.targets.iter().map(|target| target.key.to_text());
            (change.field.clone(), change.operation, keys.collect())
        };
        let plan = PlannedOperation {
            resource: &self.resource.name,
            operation: self.operation.name(),
            user: &self.user,
            values: self.changes().iter().map(|change| (change.field.clone(), change.value.clone())).collect(),
            links: self.links().iter().map(links).collect(),
        };
        self.engine.extensions(&self.resource).refuse_plan(&plan).await
    }
}
