//! `powercrud bulk`

use clap::{ArgGroup, Args, Subcommand};

use super::{Run, Selection, assignment};

#[derive(Debug, Subcommand)]
pub(crate) enum Bulk {
    /// Set fields to the same values on many records
    Update(BulkUpdate),
    /// Delete many records
    Delete(BulkDelete),
    /// Do an action of the resource to many records
    Run(BulkRun),
}

#[derive(Debug, Args)]
pub(crate) struct BulkUpdate {
    /// What to change, as `powercrud resources` names it
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
    /// A many-to-many field and keys of records to link with as well, such as tags=1,2; may be repeated
    #[arg(long, value_name = "FIELD=KEYS", value_parser = assignment)]
    pub(crate) add: Vec<(String, String)>,
    /// A many-to-many field and keys of records to unlink; may be repeated
    #[arg(long, value_name = "FIELD=KEYS", value_parser = assignment)]
    pub(crate) remove: Vec<(String, String)>,
    /// A many-to-many field and keys of the records to link with, and no others; may be repeated
    #[arg(long, value_name = "FIELD=KEYS", value_parser = assignment)]
    pub(crate) replace: Vec<(String, String)>,
    /// A many-to-many field whose links all go; may be repeated
    #[arg(long, value_name = "FIELD")]
    pub(crate) clear: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct BulkDelete {
    /// What to delete, as `powercrud resources` names it
    pub(crate) resource: String,
    #[command(flatten)]
    pub(crate) selection: Selection,
    #[command(flatten)]
    pub(crate) run: Run,
}

#[derive(Debug, Args)]
pub(crate) struct BulkRun {
    /// What to do it to, as `powercrud resources` names it
    pub(crate) resource: String,
    /// The action's name, as `powercrud resources --format json` lists it
    pub(crate) action: String,
    /// What to fill in for the action; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = assignment)]
    pub(crate) value: Vec<(String, String)>,
    #[command(flatten)]
    pub(crate) selection: Selection,
    #[command(flatten)]
    pub(crate) run: Run,
}
