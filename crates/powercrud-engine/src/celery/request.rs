//! Messages that ask for a task that there is not yet: which records, what to do, and for whom.

use powercrud_celery::Message;
use serde_json::{Value, json};

use super::{DELETE, EDIT, read};
use crate::{
    bulk::{self, BulkRequest, RequestKey, Route},
    engine::{Engine, WhoIs},
    error::{Error, Result},
    task::BulkTask,
    user::User,
};

/// Submits what a message asks for, under the checks of a page; a message that is delivered again leads to the same task.
pub(super) async fn submit(engine: &Engine, message: &Message) -> Result<BulkTask> {
    let is_delete = match message.name.as_str() {
        EDIT => false,
        DELETE => true,
        other => {
            return Err(Error::invalid(
                "task_id",
                "NOT_NULL",
                format!("must be there: {other} takes the id of a bulk task"),
            ));
        }
    };
    let mut asked = message.kwargs.clone();
    let user = user(engine, asked.remove("user").as_ref()).await?;
    let Some(Value::String(name)) = asked.remove("resource") else {
        return Err(Error::invalid("resource", "NOT_NULL", "must be there: the name of a resource"));
    };
    let engine = engine.for_user(&user);
    let resource = engine.resource(&name)?.clone();
    let (operation, selection) = read::read(&resource, is_delete, &asked)?;
    let key = RequestKey::new(&user, &format!("celery:{}", message.id), &json!([message.name, message.kwargs]));
    if let Some(task) = key.find(&engine).await? {
        return Ok(task);
    }
    let request = BulkRequest {
        resource: resource.name.clone(),
        operation,
        selection,
        user,
        route: Route::Background,
        parent_id: None,
        on_conflict: None,
    };
    let answer = bulk::plan(&engine, request).await?.request_key(key).run().await?;
    Ok(answer.task().clone())
}

/// For whom it is asked, which has to be said: an id, or null for the operator.
async fn user(engine: &Engine, given: Option<&Value>) -> Result<User> {
    let id = match given {
        Some(Value::Null) => return Ok(User::operator()),
        Some(Value::String(id)) => id.clone(),
        Some(Value::Number(id)) => id.to_string(),
        _ => {
            let allowed = "must be there: a user's id, or None for the operator, who may do everything";
            return Err(Error::invalid("user", "NOT_NULL", allowed));
        }
    };
    match engine.who_is(&id).await? {
        WhoIs::User(user) => Ok(user),
        WhoIs::Nobody => Err(Error::UnknownUser(id)),
        // Nobody here knows what the user may do.
        WhoIs::Unknown => {
            let user = User::new(&*id, &*id);
            if engine.policy().restricts(&user) { Err(Error::UnknownUser(id)) } else { Ok(user) }
        }
    }
}
