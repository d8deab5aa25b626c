//! What is selected on a list page, for handlers of the application's own.

use std::{marker::PhantomData, ops::Deref, sync::Arc};

use axum::{
    extract::FromRequestParts,
    http::request::Parts,
    response::{IntoResponse as _, Response},
};
use sea_orm::{EntityTrait, QueryFilter as _, Select, sea_query::Condition};

use super::{Frame, PageError};
use crate::{
    app::PowerCrud,
    web::{context::RequestContext, selection},
};
use powercrud_engine::{
    error::{Error, Result},
    resource::Resource,
    selection::{Selection, StoredSelection},
};

/// What somebody has selected on a list page: ticked records, or all that match a filter, with exceptions.
///
/// It stays where it is kept, on the server, however many records it holds; what is read of it is what there is now for its user.
/// [`Frame::selection`] gives it by a resource's name, the extractor [`Selected`] by a SeaORM entity.
#[derive(Clone)]
pub struct ListSelection {
    powercrud: PowerCrud,
    resource: Arc<Resource>,
    stored: StoredSelection,
    records: u64,
    tab: String,
}

impl ListSelection {
    pub(super) async fn of(context: &RequestContext, resource: &str) -> Result<Self> {
        let resource = Arc::clone(context.app().resource(resource)?);
        let nothing = || Error::NothingSelected(resource.label.clone());
        let stored = selection::stored(context, &resource).await?.ok_or_else(nothing)?;
        let records = stored.count(context.app(), &resource).await?;
        if records == 0 {
            return Err(nothing());
        }
        let tab = context.of_tab(String::new());
        Ok(Self { powercrud: context.app().clone(), resource, stored, records, tab })
    }

    /// The resource, as the user sees it.
    pub fn resource(&self) -> &Resource {
        &self.resource
    }

    /// How many records are selected; at least one.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// The selected records as a condition over the resource's table, for statements and SeaORM's queries.
    ///
    /// # Errors
    /// [`Error::NothingSelected`] where the selection is gone meanwhile; the database's.
    pub async fn condition(&self) -> Result<Condition> {
        self.stored.condition(&self.powercrud, &self.resource).await
    }

    /// The keys of the first `most` selected records, in the order of the keys; a key of several columns is a JSON array.
    ///
    /// # Errors
    /// As [`ListSelection::condition`].
    pub async fn keys(&self, most: u64) -> Result<Vec<String>> {
        self.stored.record_keys(&self.powercrud, &self.resource, most).await
    }

    /// An address of a page that is to find the same selection, such as `frame.href("/pages/ship/now")`: browsers keep one for each tab, and
    /// forms and links have to say which.
    pub fn href(&self, href: &str) -> String {
        format!("{href}{}", self.tab)
    }
}

/// For [`bulk::update`](crate::bulk::update), `delete` and `action`: `.selection(&selected)`.
impl From<&ListSelection> for Selection {
    fn from(selection: &ListSelection) -> Self {
        (&selection.stored).into()
    }
}

/// What is selected on the list of a SeaORM entity's resource: an extractor for handlers of a [`Page`](crate::page::Page). It derefs to the
/// [`ListSelection`]. The module's documentation has an example.
///
/// The resource is that of the table's name, as [`Resource::entity`] makes it. Where nothing is selected, the answer is an error page that
/// says so.
pub struct Selected<E> {
    selection: ListSelection,
    entity: PhantomData<fn() -> E>,
}

impl<E: EntityTrait> Selected<E> {
    /// A query of the selected records, by which they are read as models.
    ///
    /// # Errors
    /// As [`ListSelection::condition`].
    pub async fn find(&self) -> Result<Select<E>> {
        Ok(E::find().filter(self.condition().await?))
    }
}

impl<E> Deref for Selected<E> {
    type Target = ListSelection;

    fn deref(&self) -> &ListSelection {
        &self.selection
    }
}

impl<E> From<&Selected<E>> for Selection {
    fn from(selected: &Selected<E>) -> Self {
        (&selected.selection).into()
    }
}

impl<E: EntityTrait, S: Sync> FromRequestParts<S> for Selected<E> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let frame = Frame::from_request_parts(parts, state).await.map_err(|error| error.into_response())?;
        let selection = frame.selection(E::default().table_name()).await;
        let selection = selection.map_err(|error| PageError::from(error).into_response())?;
        Ok(Self { selection, entity: PhantomData })
    }
}
