//! Messages to users.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "powercrud_message")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: Uuid,
    pub(crate) user_id: Option<String>,
    pub(crate) task_id: Uuid,
    pub(crate) text: String,
    pub(crate) level: String,
    pub(crate) created_at: i64,
    pub(crate) shown_at: Option<i64>,
    pub(crate) seen_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
