//! Messages that wait to be sent, gathered into batches (protocol, section 5). Knows bytes alone, and no socket.

use std::collections::VecDeque;

use crate::wire::written;

/// The head of a batch takes at most so many bytes of a message's limit.
pub const LARGEST_HEAD: usize = 3;

/// An encoded message, or a batch, and the raw frames that it refers to as 1, 2, ...
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parcel {
    pub head: Vec<u8>,
    pub frames: Vec<Vec<u8>>,
}

impl Parcel {
    /// Bytes of all of it.
    pub fn size(&self) -> usize {
        self.head.len() + self.frames.iter().map(Vec::len).sum::<usize>()
    }
}

impl From<Vec<u8>> for Parcel {
    fn from(head: Vec<u8>) -> Self {
        Self { head, frames: Vec::new() }
    }
}

/// Encoded messages in their order.
#[derive(Debug)]
pub struct Outbox {
    waiting: VecDeque<Parcel>,
    /// The batch to send next, once it has been gathered; who has sent it takes it.
    batch: Option<Parcel>,
    /// What a batch may have: messages, and bytes. One message alone is never larger: who puts it in has checked.
    pub most: usize,
    pub largest: usize,
}

impl Outbox {
    pub fn new() -> Self {
        Self { waiting: VecDeque::new(), batch: None, most: 1, largest: 0 }
    }

    /// Messages that wait, but for those of a batch that has been gathered.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    pub fn put(&mut self, message: impl Into<Parcel>) {
        self.waiting.push_back(message.into());
    }

    /// What to send next, if anything; the same until `sent`.
    pub fn batch(&mut self) -> Option<&mut Parcel> {
        if self.batch.is_none() {
            self.batch = self.gather();
        }
        self.batch.as_mut()
    }

    /// What `batch` gave has gone.
    pub fn sent(&mut self) {
        self.batch = None;
    }

    /// As many as go together. A message with raw frames is a batch of its own: it is large.
    fn gather(&mut self) -> Option<Parcel> {
        let first = self.waiting.pop_front()?;
        let mut size = LARGEST_HEAD + first.head.len();
        let mut rest = 0;
        if first.frames.is_empty() {
            for next in self.waiting.iter().take(self.most.saturating_sub(1)) {
                size += next.head.len();
                if size > self.largest || !next.frames.is_empty() {
                    break;
                }
                rest += 1;
            }
        }
        let mut head = written(|writer| writer.array(1 + rest as u64)?.ok());
        head.extend_from_slice(&first.head);
        for next in self.waiting.drain(..rest) {
            head.extend_from_slice(&next.head);
        }
        Some(Parcel { head, frames: first.frames })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outbox(most: usize, largest: usize, messages: impl IntoIterator<Item = Parcel>) -> Outbox {
        let mut outbox = Outbox { most, largest, ..Outbox::new() };
        messages.into_iter().for_each(|message| outbox.put(message));
        outbox
    }

    fn batches(mut outbox: Outbox) -> Vec<Parcel> {
        let mut batches = Vec::new();
        while let Some(batch) = outbox.batch() {
            batches.push(batch.clone());
            outbox.sent();
        }
        batches
    }

    #[test]
    fn what_has_gathered_goes_together_up_to_the_count() {
        let messages = (0..5).map(|number| Parcel::from(vec![number]));
        let heads: Vec<_> = batches(outbox(2, 100, messages)).into_iter().map(|batch| batch.head).collect();
        assert_eq!(heads, [vec![0x82, 0, 1], vec![0x82, 2, 3], vec![0x81, 4]]);
    }

    #[test]
    fn a_batch_is_no_larger_than_the_limit() {
        let messages = (0..3).map(|_| Parcel::from(vec![0x40, 0x40]));
        let sizes: Vec<_> = batches(outbox(9, 7, messages)).iter().map(Parcel::size).collect();
        assert_eq!(sizes, [5, 3]);
    }

    #[test]
    fn a_message_with_raw_frames_goes_alone() {
        let raw = Parcel { head: vec![0], frames: vec![vec![9; 10]] };
        let batches = batches(outbox(9, 100, [vec![1].into(), raw, vec![2].into(), vec![3].into()]));
        assert_eq!(batches.iter().map(|batch| batch.frames.len()).collect::<Vec<_>>(), [0, 1, 0]);
        assert_eq!(batches.iter().map(|batch| batch.head.len()).collect::<Vec<_>>(), [2, 2, 3]);
    }
}
