//! The ways out of this process, tried for an operator.

use super::Address;
use crate::{config::Channel, engine::Engine, resource::Resource};

/// A way by which this process tells people of tasks' ends, for an operator to look at.
#[derive(Clone, Debug)]
pub struct ChannelStatus {
    /// `email`, `webhook`, or the name of a notifier of the application's own.
    pub name: &'static str,
    /// Where it leads, without secrets.
    pub endpoint: String,
    /// Why it can't be reached now, where that is so.
    pub unreachable: Option<String>,
    /// The resources whose tasks' ends are told by it.
    pub resources: Vec<String>,
}

impl Engine {
    /// The ways out of this process by which people are told of tasks' ends, each tried now: a mail server is greeted, a webhook's machine
    /// is connected to; neither is sent anything.
    pub async fn channel_status(&self) -> Vec<ChannelStatus> {
        let mut all = Vec::new();
        for notifier in self.notifiers() {
            let (Address { channel, recipient }, Some(endpoint)) = (notifier.address(), notifier.endpoint()) else {
                continue;
            };
            let name = recipient.unwrap_or(channel.as_str());
            let resources = self.resources().iter().filter(|resource| tells_by(resource, channel));
            all.push(ChannelStatus {
                name,
                endpoint,
                unreachable: notifier.health_check().await.err(),
                resources: resources.map(|resource| resource.name.clone()).collect(),
            });
        }
        all
    }
}

/// Whether people hear of the ends of this resource's tasks by that channel.
pub fn tells_by(resource: &Resource, channel: Channel) -> bool {
    resource.settings.bulk_async_notification.as_ref().is_some_and(|notification| notification.includes(channel))
}
