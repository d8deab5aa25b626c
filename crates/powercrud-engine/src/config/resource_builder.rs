//! A resource as an application names it.

use std::sync::Arc;

use sea_orm::{ActiveModelBehavior, EntityTrait, IntoActiveModel};

use super::ResourceSettings;
use crate::{
    action::Action,
    active_model::{self, RecordModel},
    chunk_hook::ChunkHook,
    extensions::Extensions,
    validate::Validate,
};

/// A resource as the application names it, before the catalog is known.
#[derive(Clone, Debug, Default)]
pub struct ResourceBuilder {
    pub(crate) schema: Option<String>,
    pub(crate) table: String,
    /// The columns that the entity knows; `None` means all.
    pub(crate) columns: Option<Vec<String>>,
    pub(crate) settings: ResourceSettings,
    pub(crate) actions: Vec<Action>,
    pub(crate) extensions: Extensions,
    /// What was given that no setting can hold: key and message.
    pub(crate) mistakes: Vec<(&'static str, String)>,
    /// What writes its records instead of statements.
    pub(crate) model: Option<Arc<dyn RecordModel>>,
}

impl ResourceBuilder {
    /// One more action: what people can do to many records beside changing fields and deleting.
    #[must_use]
    pub fn action(mut self, action: Action) -> Self {
        self.actions.push(action);
        self
    }

    /// One more rule for the resource's records, whichever way they are written: see [`crate::validate`]. Other resources over the same
    /// table don't have it.
    #[must_use]
    pub fn validate(mut self, rule: impl Validate) -> Self {
        self.extensions.rules.push(Arc::new(rule));
        self
    }

    /// Code around each chunk of the resource's bulk tasks, in the chunk's transaction: see [`crate::chunk_hook`].
    #[must_use]
    pub fn chunk_hook(mut self, hook: impl ChunkHook) -> Self {
        self.extensions.chunk_hooks.push(Arc::new(hook));
        self
    }

    /// Updates and deletes, one by one and in bulk, go through the ActiveModel of this SeaORM entity, record by record, so that its hooks run
    /// (`before_save`, `after_save`, `before_delete`, `after_delete`), in the chunk's transaction. An error of a hook is that record's, with the
    /// code `MODEL_REFUSED` where it is a [`sea_orm::DbErr::Custom`].
    ///
    /// Without it, which is the default, a chunk is one statement, and no hook of an entity runs: that is many times as fast. New records, reverts,
    /// many-to-many fields (which bulk edit does not offer here) and an action's own statements are written by statements in any case. Of an
    /// update, the statement is sent first and rolled back, by which the database says what is wrong with the values, so that triggers run twice.
    ///
    /// ```
    /// use powercrud_engine::resource::Resource;
    /// use sea_orm::entity::prelude::*;
    ///
    /// #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    /// #[sea_orm(table_name = "book")]
    /// pub struct Model {
    ///     #[sea_orm(primary_key)]
    ///     pub id: i32,
    ///     pub title: String,
    ///     pub slug: String,
    /// }
    ///
    /// #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    /// pub enum Relation {}
    ///
    /// #[sea_orm::prelude::async_trait::async_trait]
    /// impl ActiveModelBehavior for ActiveModel {
    ///     async fn before_save<C: ConnectionTrait>(mut self, _db: &C, _insert: bool) -> Result<Self, DbErr> {
    ///         let title = self.title.clone().take().unwrap_or_default();
    ///         if title.is_empty() {
    ///             return Err(DbErr::Custom("has to have a title".to_owned()));
    ///         }
    ///         self.slug = sea_orm::Set(title.to_lowercase().replace(' ', "-"));
    ///         Ok(self)
    ///     }
    /// }
    ///
    /// let book = Resource::entity::<Entity>().through_active_model::<Entity>();
    /// # let _ = book;
    /// ```
    #[must_use]
    pub fn through_active_model<E>(mut self) -> Self
    where
        E: EntityTrait,
        E::Model: IntoActiveModel<E::ActiveModel>,
        E::ActiveModel: ActiveModelBehavior + Send + 'static,
    {
        self.model = Some(Arc::new(active_model::Of::<E>::new()));
        self
    }
}
