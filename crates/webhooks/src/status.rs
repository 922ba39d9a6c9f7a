//! How far a call or message has come.
//!
//! Providers promise no order. A status has a rank, and only a higher one replaces what is recorded:
//! `update … set status = $new where rank < $rank`.

/// How far a call has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CallStatus {
    /// Planned for later (Vapi).
    Scheduled,
    /// Waiting to be dialled.
    Queued,
    /// Being dialled.
    Initiated,
    /// Ringing.
    Ringing,
    /// Answered.
    InProgress,
    /// Being handed to somebody else (Vapi).
    Forwarding,
    /// Over, after a conversation.
    Completed,
    /// Over: the line was busy.
    Busy,
    /// Over: nobody answered.
    NoAnswer,
    /// Over: called off before it was answered.
    Canceled,
    /// Over: it could not be made or broke off.
    Failed,
}

impl CallStatus {
    /// Reads Twilio's or Vapi's word; `None` for one that says nothing about the call (`not-found`).
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Some(match word.to_ascii_lowercase().as_str() {
            "scheduled" => Self::Scheduled,
            "queued" => Self::Queued,
            "initiated" => Self::Initiated,
            "ringing" => Self::Ringing,
            "in-progress" | "answered" => Self::InProgress,
            "forwarding" => Self::Forwarding,
            "completed" | "ended" => Self::Completed,
            "busy" => Self::Busy,
            "no-answer" => Self::NoAnswer,
            "canceled" | "cancelled" => Self::Canceled,
            "failed" => Self::Failed,
            _ => return None,
        })
    }

    /// What Vapi's `endedReason` (about 600 open values) means for an ended call.
    #[must_use]
    pub fn of_ended_reason(reason: &str) -> Self {
        match reason {
            "customer-busy" => Self::Busy,
            "customer-did-not-answer" => Self::NoAnswer,
            "manually-canceled" => Self::Canceled,
            _ if reason.contains("error") || reason.contains("failed") => Self::Failed,
            _ => Self::Completed,
        }
    }

    /// Higher replaces lower; the five ends are equal, so that the first one stays.
    #[must_use]
    pub fn rank(self) -> i16 {
        match self {
            Self::Scheduled => 0,
            Self::Queued => 1,
            Self::Initiated => 2,
            Self::Ringing => 3,
            Self::InProgress => 4,
            Self::Forwarding => 5,
            Self::Completed | Self::Busy | Self::NoAnswer | Self::Canceled | Self::Failed => 6,
        }
    }

    /// Whether the call is over.
    #[must_use]
    pub fn is_final(self) -> bool {
        self.rank() == 6
    }

    /// Whether this replaces what is recorded.
    #[must_use]
    pub fn supersedes(self, recorded: Self) -> bool {
        self.rank() > recorded.rank()
    }

    /// Twilio's word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Queued => "queued",
            Self::Initiated => "initiated",
            Self::Ringing => "ringing",
            Self::InProgress => "in-progress",
            Self::Forwarding => "forwarding",
            Self::Completed => "completed",
            Self::Busy => "busy",
            Self::NoAnswer => "no-answer",
            Self::Canceled => "canceled",
            Self::Failed => "failed",
        }
    }
}

/// How far a message has come: Twilio's whole enumeration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MessageStatus {
    /// Taken by a messaging service.
    Accepted,
    /// Planned for later.
    Scheduled,
    /// Waiting to be sent.
    Queued,
    /// On its way to the carrier.
    Sending,
    /// Taken by the carrier.
    Sent,
    /// Delivered to some of a group.
    PartiallyDelivered,
    /// Delivered.
    Delivered,
    /// Not delivered, as the carrier says.
    Undelivered,
    /// Could not be sent.
    Failed,
    /// Called off.
    Canceled,
    /// Read (WhatsApp, RCS).
    Read,
    /// Inbound, on its way.
    Receiving,
    /// Inbound.
    Received,
}

impl MessageStatus {
    /// Reads Twilio's word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Some(match word.to_ascii_lowercase().as_str() {
            "accepted" => Self::Accepted,
            "scheduled" => Self::Scheduled,
            "queued" => Self::Queued,
            "sending" => Self::Sending,
            "sent" => Self::Sent,
            "partially_delivered" => Self::PartiallyDelivered,
            "delivered" => Self::Delivered,
            "undelivered" => Self::Undelivered,
            "failed" => Self::Failed,
            "canceled" => Self::Canceled,
            "read" => Self::Read,
            "receiving" => Self::Receiving,
            "received" => Self::Received,
            _ => return None,
        })
    }

    /// Higher replaces lower. The ends are equal, so that the first one stays; only being read is proof
    /// against an end that said otherwise.
    #[must_use]
    pub fn rank(self) -> i16 {
        match self {
            Self::Accepted | Self::Scheduled => 0,
            Self::Queued => 1,
            Self::Sending | Self::Receiving => 2,
            Self::Sent => 3,
            Self::PartiallyDelivered => 4,
            Self::Delivered | Self::Undelivered | Self::Failed | Self::Canceled | Self::Received => 5,
            Self::Read => 6,
        }
    }

    /// Whether this replaces what is recorded.
    #[must_use]
    pub fn supersedes(self, recorded: Self) -> bool {
        self.rank() > recorded.rank()
    }

    /// Whether the message did not reach anybody and will not.
    #[must_use]
    pub fn is_failure(self) -> bool {
        matches!(self, Self::Undelivered | Self::Failed | Self::Canceled)
    }

    /// Twilio's word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Scheduled => "scheduled",
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::PartiallyDelivered => "partially_delivered",
            Self::Delivered => "delivered",
            Self::Undelivered => "undelivered",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
            Self::Read => "read",
            Self::Receiving => "receiving",
            Self::Received => "received",
        }
    }
}

/// How far a recording has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RecordingStatus {
    /// Being made.
    InProgress,
    /// It can be fetched.
    Completed,
    /// There is none: silence, or too short.
    Absent,
    /// It failed.
    Failed,
}

impl RecordingStatus {
    /// Reads Twilio's word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Some(match word.to_ascii_lowercase().as_str() {
            "in-progress" => Self::InProgress,
            "completed" => Self::Completed,
            "absent" => Self::Absent,
            "failed" => Self::Failed,
            _ => return None,
        })
    }

    /// Twilio's word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InProgress => "in-progress",
            Self::Completed => "completed",
            Self::Absent => "absent",
            Self::Failed => "failed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_never_goes_back() {
        use MessageStatus::{Delivered, Failed, Queued, Read, Sent, Undelivered};
        assert!(Delivered.supersedes(Sent) && Read.supersedes(Delivered) && Undelivered.supersedes(Sent));
        for (late, recorded) in [
            (Sent, Delivered),
            (Queued, Failed),
            (Delivered, Undelivered),
            (Delivered, Delivered),
        ] {
            assert!(!late.supersedes(recorded), "{late:?} after {recorded:?}");
        }
    }

    #[test]
    fn a_call_that_is_over_stays_over() {
        use CallStatus::{Busy, Completed, Failed, InProgress, Ringing};
        assert!(InProgress.supersedes(Ringing) && Completed.supersedes(InProgress));
        for (late, recorded) in [(Ringing, InProgress), (InProgress, Busy), (Completed, Failed)] {
            assert!(!late.supersedes(recorded), "{late:?} after {recorded:?}");
        }
    }

    #[test]
    fn every_word_of_twilio_is_read_and_written_alike() {
        for word in "scheduled queued initiated ringing in-progress completed busy no-answer canceled failed"
            .split(' ')
        {
            assert_eq!(CallStatus::parse(word).unwrap().as_str(), word);
        }
        let words = "accepted scheduled queued sending sent delivered undelivered failed read receiving received \
                     partially_delivered canceled";
        for word in words.split_ascii_whitespace() {
            assert_eq!(MessageStatus::parse(word).unwrap().as_str(), word);
        }
        for word in ["in-progress", "completed", "absent", "failed"] {
            assert_eq!(RecordingStatus::parse(word).unwrap().as_str(), word);
        }
        assert_eq!(CallStatus::parse("not-found"), None);
    }

    #[test]
    fn the_reason_tells_how_a_call_ended() {
        for (reason, status) in [
            ("customer-ended-call", CallStatus::Completed),
            ("silence-timed-out", CallStatus::Completed),
            ("customer-busy", CallStatus::Busy),
            ("customer-did-not-answer", CallStatus::NoAnswer),
            ("twilio-failed-to-connect-call", CallStatus::Failed),
            ("pipeline-error-openai-llm-failed", CallStatus::Failed),
        ] {
            assert_eq!(CallStatus::of_ended_reason(reason), status, "{reason}");
        }
    }
}
