//! The parts of a chord: the last one that ends calls what follows all of them.

use serde_json::{Value, json};

use super::{Results, State};
use crate::{error::Result, message::Message};

/// What the end of a part leads to.
#[derive(Debug, PartialEq)]
pub(crate) enum Joined {
    /// Others are not done yet.
    Waits,
    /// All are done; their results, in the order of the parts.
    All(Vec<Value>),
    /// All have ended, and this is why one of them failed.
    Failed(String),
}

impl Results {
    /// Notes the end of a part.
    pub(crate) async fn join(&self, part: &Message, state: &State<'_>) -> Result<Joined> {
        let Some(group) = &part.group else { return Ok(Joined::Waits) };
        let key = |suffix: &str| format!("celery-taskset-meta-{group}.{suffix}");
        let (ended, difference, size) = (key("j"), key("t"), key("s"));
        let entry = json!([1, part.id, state.word(), state.result()]).to_string();
        let place = part.group_index.map_or("+inf".to_owned(), |place| place.to_string());
        let seconds = i64::try_from(self.expires.as_secs().max(1)).unwrap_or(i64::MAX);
        let mut all = redis::pipe();
        all.atomic().cmd("ZADD").arg(&ended).arg(place).arg(entry).ignore();
        all.cmd("ZCARD").arg(&ended).get(&difference).get(&size);
        for key in [&ended, &difference, &size] {
            all.expire(key, seconds).ignore();
        }
        let mut connection = self.connection.clone();
        let (count, difference_now, size_now): (i64, Option<i64>, Option<i64>) =
            all.query_async(&mut connection).await?;
        let Some(total) = size_now.map(|size| size + difference_now.unwrap_or(0)) else { return Ok(Joined::Waits) };
        if count != total {
            return Ok(Joined::Waits);
        }
        let entries: Vec<String> = redis::cmd("ZRANGE").arg(&ended).arg(0).arg(-1).query_async(&mut connection).await?;
        redis::cmd("DEL").arg(&[&ended, &difference, &size]).query_async::<()>(&mut connection).await?;
        Ok(joined(&entries))
    }
}

fn joined(entries: &[String]) -> Joined {
    let mut results = Vec::with_capacity(entries.len());
    for entry in entries {
        let entry: Value = serde_json::from_str(entry).unwrap_or_default();
        let (id, state, result) = (&entry[1], &entry[2], &entry[3]);
        if state != "SUCCESS" {
            let why = result["exc_message"][0].as_str().map_or_else(|| result.to_string(), str::to_owned);
            return Joined::Failed(format!("Dependency {} raised {why}", id.as_str().unwrap_or_default()));
        }
        results.push(result.clone());
    }
    Joined::All(results)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_failed_fails_all() {
        let entry = |id: &str, state: &str, result: Value| json!([1, id, state, result]).to_string();
        let done = [entry("a", "SUCCESS", json!(1)), entry("b", "SUCCESS", json!({"n": 2}))];
        assert_eq!(joined(&done), Joined::All(vec![json!(1), json!({"n": 2})]));
        let failed = [entry("a", "SUCCESS", json!(1)), entry("b", "FAILURE", json!({"exc_message": ["no"]}))];
        assert_eq!(joined(&failed), Joined::Failed("Dependency b raised no".to_owned()));
    }
}
