//! What an application wants to hear of bulk requests for the background.

use std::sync::Arc;

use crate::{bulk_task::BulkTask, error::Error, resource::Resource, user::User};

/// Called with a task that was queued.
pub type SuccessHook = Arc<dyn Fn(&BulkTask) + Send + Sync>;
/// Called with a request that was checked and yet refused.
pub type FailureHook = Arc<dyn Fn(&Resource, &User, &Error) + Send + Sync>;

/// Functions of the application that hear of bulk requests for the background.
#[derive(Clone, Default)]
pub struct QueueHooks {
    /// Each that was queued.
    pub success: Option<SuccessHook>,
    /// Each that was refused.
    pub failure: Option<FailureHook>,
}
