//! Bulk operations in an application's own code, one call after the other.

use sea_orm::sea_query::{Condition, Expr};

use super::{BulkRequest, Requested, Route, Submission, run};
use crate::{
    change::{Change, Changes},
    config::OnConflict,
    engine::Engine,
    error::{Error, Result},
    names::FieldName,
    query::ListParams,
    selection::Selection,
    user::User,
};

/// Sets fields of many records: of those that [`Update::keys`] or [`Update::filter`] name, or of [`Update::all`]. Nothing is written
/// before [`Update::run`].
///
/// The operator asks for it, unless [`Update::by`] says who.
#[must_use = "nothing is changed before `run`"]
#[derive(Clone)]
pub struct Update<'a> {
    request: Request<'a>,
    changes: Changes,
}

/// Deletes many records: those that [`Delete::keys`] or [`Delete::filter`] name, or [`Delete::all`]. Nothing is deleted before
/// [`Delete::run`].
///
/// The operator asks for it, unless [`Delete::by`] says who.
#[must_use = "nothing is deleted before `run`"]
#[derive(Clone)]
pub struct Delete<'a> {
    request: Request<'a>,
}

/// Carries out an action of many records: of those that [`RunAction::keys`] or [`RunAction::filter`] name, or of [`RunAction::all`].
/// Nothing is done before [`RunAction::run`].
///
/// The operator asks for it, unless [`RunAction::by`] says who.
#[must_use = "nothing is done before `run`"]
#[derive(Clone)]
pub struct RunAction<'a> {
    request: Request<'a>,
    name: String,
    values: Vec<crate::form::Input>,
}

/// Which records an operation is about, in an application's own code: a filter as the command line has it, or a condition of SeaORM.
#[derive(Clone, Debug)]
pub enum BulkFilter {
    /// `FIELD=VALUE` or `FIELD__OPERATOR=VALUE`.
    Text(String),
    /// A condition over the resource's table. Columns are named with their table, or, where no subquery is near, alone.
    Condition(Condition),
}

impl From<&str> for BulkFilter {
    fn from(filter: &str) -> Self {
        Self::Text(filter.to_owned())
    }
}

impl From<String> for BulkFilter {
    fn from(filter: String) -> Self {
        Self::Text(filter)
    }
}

impl From<&String> for BulkFilter {
    fn from(filter: &String) -> Self {
        Self::Text(filter.clone())
    }
}

impl From<Expr> for BulkFilter {
    fn from(condition: Expr) -> Self {
        Self::Condition(Condition::all().add(condition))
    }
}

impl From<Condition> for BulkFilter {
    fn from(condition: Condition) -> Self {
        Self::Condition(condition)
    }
}

#[derive(Clone)]
struct Request<'a> {
    engine: &'a Engine,
    resource: String,
    which: Which,
    user: User,
    route: Route,
    on_conflict: Option<OnConflict>,
}

/// Which records; nothing is the safe default.
#[derive(Clone)]
enum Which {
    Nothing,
    All,
    Matching { filters: Vec<String>, condition: Option<Condition> },
    Keys(Vec<String>),
    Selected(Selection),
}

/// An update of records of the resource of that name.
///
/// ```no_run
/// # async fn reduce(engine: &powercrud_engine::Engine) -> powercrud_engine::Result<()> {
/// use powercrud_engine::bulk;
///
/// let update = bulk::update(engine, "book").set("price", "7.77").set_null("note").filter("status=in_print");
/// let task = update.run().await?.wait().await?;
/// println!("{} of {} books changed", task.changed_records(), task.total_records);
/// # Ok(())
/// # }
/// ```
pub fn update<'a>(engine: &'a Engine, resource: impl Into<String>) -> Update<'a> {
    Update { request: Request::new(engine, resource.into()), changes: Changes::new() }
}

/// A delete of records of the resource of that name.
///
/// ```no_run
/// # async fn clear(engine: &powercrud_engine::Engine) -> powercrud_engine::Result<()> {
/// use powercrud_engine::bulk;
///
/// let task = bulk::delete(engine, "book").keys([17, 18]).run().await?.wait().await?;
/// println!("{} of {} books deleted", task.succeeded_records, task.total_records);
/// # Ok(())
/// # }
/// ```
pub fn delete<'a>(engine: &'a Engine, resource: impl Into<String>) -> Delete<'a> {
    Delete { request: Request::new(engine, resource.into()) }
}

/// An action of the resource of that name.
///
/// ```no_run
/// # async fn ship(engine: &powercrud_engine::Engine) -> powercrud_engine::Result<()> {
/// use powercrud_engine::bulk;
///
/// let ship = bulk::action(engine, "order", "ship").value("carrier", "post").keys([17, 18]);
/// let task = ship.run().await?.wait().await?;
/// println!("{} of {} orders shipped", task.succeeded_records, task.total_records);
/// # Ok(())
/// # }
/// ```
pub fn action<'a>(engine: &'a Engine, resource: impl Into<String>, name: impl Into<String>) -> RunAction<'a> {
    RunAction { request: Request::new(engine, resource.into()), name: name.into(), values: Vec::new() }
}

impl<'a> Request<'a> {
    fn new(engine: &'a Engine, resource: String) -> Self {
        let (which, user) = (Which::Nothing, User::operator());
        Self { engine, resource, which, user, route: Route::Auto, on_conflict: None }
    }

    async fn run(self, operation: Requested) -> Result<Submission> {
        let resource = self.engine.resource(&self.resource)?;
        let selection = match self.which {
            Which::Nothing => return Err(Error::NothingSelected(resource.label.clone())),
            Which::All => Selection::All,
            Which::Matching { filters, condition } => {
                let params = ListParams::from_conditions(resource, &filters)?;
                match condition {
                    Some(condition) => Selection::Where(params, condition),
                    None => Selection::Matching(params),
                }
            }
            Which::Keys(keys) => Selection::Keys(keys),
            Which::Selected(selection) => selection,
        };
        let request = BulkRequest {
            resource: resource.name.clone(),
            operation,
            selection,
            user: self.user,
            route: self.route,
            parent_id: None,
            on_conflict: self.on_conflict,
        };
        let answer = run(self.engine, request).await?;
        Ok(Submission { engine: self.engine.clone(), answer })
    }
}

/// What updates and deletes have in common.
macro_rules! selecting {
    ($name:ident) => {
        impl $name<'_> {
            /// Every record of the resource.
            pub fn all(mut self) -> Self {
                self.request.which = Which::All;
                self
            }

            /// The records that match `FIELD=VALUE` or `FIELD__OPERATOR=VALUE`, such as `price__gte=10`, as in the command line's
            /// `--filter`; or a condition of SeaORM over the resource's table, such as `Column::TenantId.eq(1)`. Several of them hold
            /// together.
            pub fn filter(mut self, filter: impl Into<BulkFilter>) -> Self {
                if !matches!(self.request.which, Which::Matching { .. }) {
                    self.request.which = Which::Matching { filters: Vec::new(), condition: None };
                }
                let Which::Matching { filters, condition } = &mut self.request.which else { return self };
                match filter.into() {
                    BulkFilter::Text(filter) => filters.push(filter),
                    BulkFilter::Condition(other) => {
                        *condition = Some(condition.take().unwrap_or_else(Condition::all).add(other));
                    }
                }
                self
            }

            /// The records with these keys; a key of several columns is a JSON array.
            pub fn keys<K: ToString>(mut self, keys: impl IntoIterator<Item = K>) -> Self {
                self.request.which = Which::Keys(keys.into_iter().map(|key| key.to_string()).collect());
                self
            }

            /// The records of a selection, such as what was ticked on a list page.
            pub fn selection(mut self, selection: impl Into<Selection>) -> Self {
                self.request.which = Which::Selected(selection.into());
                self
            }

            /// Who asks for it: whose task it is.
            pub fn by(mut self, user: &User) -> Self {
                self.request.user = user.clone();
                self
            }

            /// In the background, however few the records are.
            pub fn in_background(mut self) -> Self {
                self.request.route = Route::Background;
                self
            }

            /// What to do where another task is in the way; as the resource's settings say by default.
            pub fn on_conflict(mut self, on_conflict: OnConflict) -> Self {
                self.request.on_conflict = Some(on_conflict);
                self
            }
        }
    };
}

selecting!(Update);
selecting!(Delete);
selecting!(RunAction);

impl Update<'_> {
    /// Sets a field, named by a text or by a SeaORM column, to a value as its text says: numbers, dates as ISO 8601, `true` and `false`.
    pub fn set<M>(self, field: impl FieldName<M>, value: impl ToString) -> Self {
        self.change(field, Change::Set(value.to_string()))
    }

    /// Sets a field to NULL.
    pub fn set_null<M>(self, field: impl FieldName<M>) -> Self {
        self.change(field, Change::SetNull)
    }

    /// Does to a field what `change` says: see [`Change`], also for many-to-many fields. [`Update::changes`] takes several.
    pub fn change<M>(mut self, field: impl FieldName<M>, change: Change) -> Self {
        self.changes.push(field.field_name(), change);
        self
    }

    /// Makes these changes beside those that were named before.
    ///
    /// ```no_run
    /// # async fn label(engine: &powercrud_engine::Engine) -> powercrud_engine::Result<()> {
    /// use powercrud_engine::{bulk, change::Changes};
    ///
    /// let changes = Changes::new().add("tags", [1, 2]).remove("tags", [3]);
    /// bulk::update(engine, "book").changes(changes).filter("status=in_print").run().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn changes(mut self, changes: Changes) -> Self {
        changes.iter().for_each(|(field, change)| self.changes.push(field, change.clone()));
        self
    }

    /// Carries it out: at once where the records are few, else by a worker.
    ///
    /// # Errors
    /// Those of [`crate::bulk::run`]; [`Error::NothingSelected`] where neither keys nor filters nor all were named.
    pub async fn run(self) -> Result<Submission> {
        self.request.run(Requested::Update(self.changes)).await
    }
}

impl RunAction<'_> {
    /// Fills in a field of the action's form, as its text says: numbers, dates as ISO 8601, `true` and `false`.
    pub fn value<M>(mut self, field: impl FieldName<M>, value: impl ToString) -> Self {
        self.values.push((field.field_name(), Some(value.to_string())));
        self
    }

    /// Carries it out: at once where the records are few, else by a worker.
    ///
    /// # Errors
    /// Those of [`crate::bulk::run`]; [`Error::NothingSelected`] where neither keys nor filters nor all were named;
    /// [`Error::UnknownAction`].
    pub async fn run(self) -> Result<Submission> {
        self.request.run(Requested::Action { name: self.name, values: self.values }).await
    }
}

impl Delete<'_> {
    /// Carries it out: at once where the records are few, else by a worker.
    ///
    /// # Errors
    /// Those of [`crate::bulk::run`]; [`Error::NothingSelected`] where neither keys nor filters nor all were named.
    pub async fn run(self) -> Result<Submission> {
        self.request.run(Requested::Delete).await
    }
}
