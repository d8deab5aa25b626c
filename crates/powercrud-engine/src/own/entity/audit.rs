//! The audit trail.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "powercrud_audit")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: Uuid,
    pub(crate) at: i64,
    pub(crate) user_id: Option<String>,
    pub(crate) user_name: Option<String>,
    pub(crate) action: String,
    pub(crate) resource: Option<String>,
    pub(crate) record_key: Option<String>,
    pub(crate) record_hash: Option<String>,
    pub(crate) task_id: Option<Uuid>,
    pub(crate) subject: String,
    pub(crate) reason: String,
    pub(crate) changes: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
