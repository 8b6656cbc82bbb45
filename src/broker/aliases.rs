//! The topic aliases of one connection, both ways. [MQTT 5.0, section 3.3.2.3.4]

use std::collections::HashMap;

use crate::mqtt::codec::publish_size;
use crate::mqtt::packet::{Level, Publish};
use crate::mqtt::{Property, Reason, Topic};

/// What three bytes of an alias property would save nothing on.
const WORTH_BYTES: usize = 4;
/// What an alias adds to a packet at most: itself, and a longer length of the properties.
const ADDS_BYTES: usize = 4;

/// Topics and the numbers that stand for them while the connection lasts. [MQTT-3.3.2-7]
#[derive(Debug, Clone, Default)]
pub struct Aliases {
    /// What the other side's aliases stand for; the first is 1.
    theirs: Vec<Option<Topic>>,
    /// Ours.
    ours: HashMap<Topic, u16>,
    /// How many the other side takes, or as many as we want.
    most: u16,
}

impl Aliases {
    /// The other side may use `theirs` of them, and we `ours`.
    pub fn new(theirs: u16, ours: u16) -> Self {
        Self { theirs: vec![None; usize::from(theirs)], ours: HashMap::new(), most: ours }
    }

    /// The other side takes so many of ours.
    pub fn use_up_to(&mut self, ours: u16) {
        self.most = ours;
    }

    /// Puts the topic in place that an alias stands for, and learns a new one.
    ///
    /// # Errors
    /// When the alias is above what was allowed [MQTT-3.3.2-9], or nothing is known of it.
    pub fn resolve(&mut self, publish: &mut Publish) -> Result<(), Reason> {
        let Some(alias) = publish.properties.topic_alias() else { return Ok(()) };
        let place = usize::from(alias).checked_sub(1).and_then(|at| self.theirs.get_mut(at));
        let place = place.ok_or(Reason::TopicAliasInvalid)?;
        if publish.topic.is_omitted() {
            publish.topic = place.clone().ok_or(Reason::ProtocolError)?;
        } else {
            *place = Some(publish.topic.clone());
        }
        Ok(())
    }

    /// Lets an alias stand for the topic of a packet that is about to be sent, to somebody who takes
    /// packets of `most_bytes`: one that makes its alias known is longer for it. [MQTT-3.1.2-24]
    pub fn shorten(&mut self, publish: &mut Publish, most_bytes: usize) {
        if self.most == 0 || publish.topic.as_str().len() < WORTH_BYTES {
            return;
        }
        if let Some(alias) = self.ours.get(&publish.topic) {
            publish.properties = publish.properties.with(&[Property::TopicAlias(*alias)]);
            publish.topic = Topic::omitted();
        } else if let Ok(known) = u16::try_from(self.ours.len())
            && known < self.most
            && size_of(publish) + ADDS_BYTES <= most_bytes
        {
            let alias = known + 1;
            self.ours.insert(publish.topic.clone(), alias);
            publish.properties = publish.properties.with(&[Property::TopicAlias(alias)]);
        }
    }
}

fn size_of(publish: &Publish) -> usize {
    let (topic_len, payload_len) = (publish.topic.as_str().len(), publish.payload.len());
    let properties_len = publish.properties.as_bytes().len();
    publish_size(topic_len, properties_len, payload_len, publish.qos, Level::V5)
}
