//! `powercrud bulk`

use clap::{ArgGroup, Args, Subcommand};

use super::{Run, Selection, assignment};

#[derive(Debug, Subcommand)]
pub(crate) enum Bulk {
    /// Change fields of many records
    Update(BulkUpdate),
    /// Delete many records
    Delete(BulkDelete),
    /// Run an action of the resource on many records
    Run(BulkRun),
}

#[derive(Debug, Args)]
pub(crate) struct BulkUpdate {
    /// The resource to change, as listed by `powercrud resources`
    pub(crate) resource: String,
    #[command(flatten)]
    pub(crate) changes: Changes,
    #[command(flatten)]
    pub(crate) selection: Selection,
    #[command(flatten)]
    pub(crate) run: Run,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("changes").args(["set", "null", "add", "remove", "replace", "clear"]).required(true).multiple(true))]
pub(crate) struct Changes {
    /// A field and its new value; may be repeated
    #[arg(long, value_name = "FIELD=VALUE", value_parser = assignment)]
    pub(crate) set: Vec<(String, String)>,
    /// A field to set to NULL; may be repeated
    #[arg(long, value_name = "FIELD")]
    pub(crate) null: Vec<String>,
    /// A many-to-many field and keys of records to add links to, such as tags=1,2; may be repeated
    #[arg(long, value_name = "FIELD=KEYS", value_parser = assignment)]
    pub(crate) add: Vec<(String, String)>,
    /// A many-to-many field and keys of records to remove links to; may be repeated
    #[arg(long, value_name = "FIELD=KEYS", value_parser = assignment)]
    pub(crate) remove: Vec<(String, String)>,
    /// A many-to-many field and keys of the only records to link to; may be repeated
    #[arg(long, value_name = "FIELD=KEYS", value_parser = assignment)]
    pub(crate) replace: Vec<(String, String)>,
    /// A many-to-many field to remove all links of; may be repeated
    #[arg(long, value_name = "FIELD")]
    pub(crate) clear: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct BulkDelete {
    /// The resource to delete from, as listed by `powercrud resources`
    pub(crate) resource: String,
    #[command(flatten)]
    pub(crate) selection: Selection,
    #[command(flatten)]
    pub(crate) run: Run,
}

#[derive(Debug, Args)]
pub(crate) struct BulkRun {
    /// The resource, as listed by `powercrud resources`
    pub(crate) resource: String,
    /// The action's name, as listed by `powercrud resources --format json`
    pub(crate) action: String,
    /// A field of the action's form and its value; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = assignment)]
    pub(crate) value: Vec<(String, String)>,
    #[command(flatten)]
    pub(crate) selection: Selection,
    #[command(flatten)]
    pub(crate) run: Run,
}
