//! What hangs on links that a bulk edit takes away: rows that refer to the links go along, are emptied, or stand in the way, as with a
//! delete of the links themselves.

use sea_orm::sea_query::{Condition, Expr, ExprTrait as _, Query};

use super::{Failure, Preview, entangled::Entangled, kept, links::link_goes, referrers::Delete};
use crate::{bulk::Plan, error::Result, form::LinkChange, resource::ManyToMany};
use powercrud_db::{QueryExt as _, rules::Rules};

/// What is said of records whose links stay, after "they will fail because".
const IN_USE: &str = "other records refer to links that would go";

impl Plan {
    /// Adds what becomes of the rows that hang on the links of those of the records that match `records`, all of which would change. Which
    /// of them keep their links, and so stay as they are.
    pub(super) async fn foresee_unlinking(
        &self,
        records: &Condition,
        is_all: bool,
        preview: &mut Preview,
    ) -> Result<Option<Expr>> {
        let fields =
            || self.links().iter().filter_map(|change| Some((self.resource.many_to_many(&change.field)?, change)));
        let mut held: Option<Expr> = None;
        for (field, change) in fields() {
            if let Some(holds) = self.links_held(field, change, records, is_all, preview) {
                held = Some(held.map_or(holds.clone(), |held| held.or(holds)));
            }
        }
        for (field, change) in fields() {
            let Some(selected) = self.links_of_records(field, change, records.clone()) else { continue };
            let kept = match &held {
                Some(held) => {
                    let staying = Condition::all().add(records.clone()).add(held.clone());
                    self.links_of_records(field, change, staying).unwrap_or_else(Condition::any)
                }
                None => Condition::any(),
            };
            let (engine, table) = (&self.engine, &field.through);
            let delete = Delete { engine, table, selected: &selected, kept: &kept };
            let (mut referrers, further) = (delete.referrers().await?, delete.further().await?);
            referrers.extend(further.referrers);
            preview.unfollowed.extend(further.unfollowed);
            for mut referrer in referrers {
                referrer.through = referrer.through.or_else(|| Some(table.qualified_name()));
                preview.add_referrer(referrer);
            }
        }
        preview.unfollowed.sort();
        preview.unfollowed.dedup();
        if let Some(held) = &held {
            let staying = records.clone().add(held.clone());
            let records = self.engine.database().connection().number(&self.count(staying)).await?;
            preview.add_failure(Failure {
                code: "FOREIGN_KEY".to_owned(),
                fields: Vec::new(),
                rule: String::new(),
                message: IN_USE.to_owned(),
                records,
            });
        }
        Ok(held)
    }

    /// Whether a row of the resource's table is one of the records of which a link that would go can't.
    fn links_held(
        &self,
        field: &ManyToMany,
        change: &LinkChange,
        records: &Condition,
        is_all: bool,
        preview: &mut Preview,
    ) -> Option<Expr> {
        let through = &field.through;
        let going = self.links_of_records(field, change, records.clone())?;
        if let Some(entangled) = Entangled::of(&self.engine, through) {
            preview.unknown.push(entangled.unknown());
        }
        preview.unknown.extend(kept::unknown_defaults(&self.engine, through));
        let stays = kept::kept(&self.engine, through, &going, is_all);
        if stays.is_empty() {
            return None;
        }
        let source = Expr::col(through.column_ref(&field.source.name));
        let mut sources = Query::select();
        sources.expr(source).from(through.table_ref()).cond_where(going).cond_where(stays);
        let [key] = self.resource.key_columns()[..] else { return None };
        Some(Expr::col(self.resource.table.column_ref(&key.name)).in_subquery(sources.take()))
    }

    /// Whether a row of the join table is a link of one of the records that match which the change takes away.
    fn links_of_records(&self, field: &ManyToMany, change: &LinkChange, records: Condition) -> Option<Condition> {
        let (own, through) = (&self.resource.table, &field.through);
        let [key] = self.resource.key_columns()[..] else { return None };
        let column = |name: &str| Expr::col(through.column_ref(name));
        let goes = link_goes(field, change, self.engine.database().dialect(), &column)?;
        let mut sources = Query::select();
        sources.expr(Expr::col(own.column_ref(&key.name))).from(own.table_ref()).cond_where(records);
        Some(goes.add(column(&field.source.name).in_subquery(sources.take())))
    }

    /// What may do something else to links than a change says, and can't be asked beforehand.
    pub(super) async fn unknown_of_links(&self) -> Vec<String> {
        let mut unknown = Vec::new();
        for change in self.links() {
            let Some(field) = self.resource.many_to_many(&change.field) else { continue };
            for kind in change.operation.writes() {
                match Rules::read(self.engine.database(), &field.through, *kind).await {
                    Ok(rules) => unknown.extend(rules.silent().map(|what| format!("{what} of {}", field.label))),
                    Err(error) => {
                        tracing::warn!(%error, resource = self.resource.name, "the rules of a join table can't be read");
                        unknown.push(format!("all rules of {}", field.label));
                    }
                }
            }
        }
        unknown
    }
}
