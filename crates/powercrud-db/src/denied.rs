//! What the database's role may not do with a table.

/// What the database's role may not do with a table. Nothing is denied by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Denied {
    /// Why nothing at all can be written, where the whole database can only be read.
    pub everything: Option<String>,
    /// No new rows.
    pub insert: bool,
    /// No changes of rows.
    pub update: bool,
    /// No deletes.
    pub delete: bool,
    /// Columns that may not be read, where others may; they are left out.
    pub select_columns: Vec<String>,
    /// Columns that a new row may not be given, where others may.
    pub insert_columns: Vec<String>,
    /// Columns that may not be changed, where others may.
    pub update_columns: Vec<String>,
    /// The statements that would grant what is denied, for whoever looks after the database; empty where nothing is.
    pub grants: Vec<String>,
}

impl Denied {
    /// What is denied in SQL's words, such as `UPDATE, DELETE`; empty where nothing is.
    pub fn words(&self) -> String {
        let whole = [("INSERT", self.insert), ("UPDATE", self.update), ("DELETE", self.delete)];
        let columns =
            [("SELECT", &self.select_columns), ("INSERT", &self.insert_columns), ("UPDATE", &self.update_columns)];
        let whole = whole.into_iter().filter(|(_, denied)| *denied).map(|(word, _)| word.to_owned());
        let columns = columns.into_iter().filter(|(_, columns)| !columns.is_empty());
        whole
            .chain(columns.map(|(word, columns)| format!("{word} of {}", columns.join(", "))))
            .collect::<Vec<_>>()
            .join(", ")
    }

    /// Notes that a column can't be written.
    pub(crate) fn column(&mut self, column: &str, insert: bool, update: bool) {
        if !insert {
            self.insert_columns.push(column.to_owned());
        }
        if !update {
            self.update_columns.push(column.to_owned());
        }
    }

    /// What is denied for the whole table needs no list of columns; and the GRANT for all of it.
    pub(crate) fn settle(&mut self, table: &str, role: &str) {
        if self.insert {
            self.insert_columns.clear();
        }
        if self.update {
            self.update_columns.clear();
        }
        let insert = self.insert || !self.insert_columns.is_empty();
        let update = self.update || !self.update_columns.is_empty();
        let select = !self.select_columns.is_empty();
        let missing: Vec<_> = [("SELECT", select), ("INSERT", insert), ("UPDATE", update), ("DELETE", self.delete)]
            .into_iter()
            .filter(|(_, missing)| *missing)
            .map(|(word, _)| word)
            .collect();
        if !missing.is_empty() {
            self.grants.push(format!("GRANT {} ON {table} TO {role};", missing.join(", ")));
        }
    }
}
