//! The rows of bulk tasks.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "powercrud_bulk_task")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: Uuid,
    pub(crate) parent_id: Option<Uuid>,
    pub(crate) user_id: Option<String>,
    pub(crate) user_name: Option<String>,
    pub(crate) user_email: Option<String>,
    pub(crate) user_access: Option<String>,
    pub(crate) model_name: String,
    pub(crate) sql_table: Option<String>,
    pub(crate) key_types: Option<String>,
    pub(crate) unique_model_key: String,
    pub(crate) operation: String,
    pub(crate) changes: String,
    pub(crate) names: Option<String>,
    pub(crate) selection: String,
    pub(crate) task_key: String,
    pub(crate) status: String,
    pub(crate) total_records: i64,
    pub(crate) processed_records: i64,
    pub(crate) succeeded_records: i64,
    pub(crate) failed_records: i64,
    pub(crate) missing_records: i64,
    pub(crate) unchanged_records: i64,
    pub(crate) first_seq: i64,
    pub(crate) cursor: i64,
    pub(crate) atomicity: String,
    pub(crate) backend: String,
    pub(crate) notification: String,
    pub(crate) attempt: i64,
    pub(crate) stalled_attempts: i64,
    pub(crate) attempt_error: Option<String>,
    pub(crate) worker_id: Option<Uuid>,
    pub(crate) lease_expires_at: Option<i64>,
    pub(crate) created_at: i64,
    pub(crate) started_at: Option<i64>,
    pub(crate) completed_at: Option<i64>,
    pub(crate) error_message: String,
    pub(crate) results_purged_at: Option<i64>,
    pub(crate) image_columns: Option<String>,
    pub(crate) images_purged_at: Option<i64>,
    pub(crate) reverts: Option<Uuid>,
    pub(crate) request_id: Option<String>,
    pub(crate) traceparent: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
