//! A request that is still on its way. Until the last of it is there, its connection only waits, and makes room where all places are
//! taken: else whoever sends slowly would hold as many places as they like.

use std::{
    pin::Pin,
    sync::{Arc, OnceLock, Weak},
    task::{Context, Poll},
};

use axum::body::HttpBody;
use hyper::body::{Frame, SizeHint};

use super::slots::{AtWork, Slot};

/// The work for one request: begun once, and done when its last copy is dropped.
#[derive(Clone)]
pub(super) struct Work {
    // Not the place itself: a body may outlive its connection.
    slot: Weak<Slot>,
    at_work: Arc<OnceLock<AtWork>>,
}

impl Work {
    pub(super) fn of(slot: &Arc<Slot>) -> Self {
        Self { slot: Arc::downgrade(slot), at_work: Arc::default() }
    }

    pub(super) fn begin(&self) {
        if let Some(slot) = self.slot.upgrade() {
            self.at_work.get_or_init(|| slot.at_work());
        }
    }
}

/// A body with whose end the work begins, or with the end of all interest in it.
pub(super) struct Arriving<B> {
    body: B,
    /// `None` once it has begun.
    work: Option<Work>,
}

impl<B: HttpBody> Arriving<B> {
    pub(super) fn new(body: B, work: Work) -> Self {
        let mut arriving = Self { body, work: Some(work) };
        arriving.look();
        arriving
    }

    fn look(&mut self) {
        if self.body.is_end_stream() {
            self.begin();
        }
    }
}

impl<B> Arriving<B> {
    fn begin(&mut self) {
        if let Some(work) = self.work.take() {
            work.begin();
        }
    }
}

impl<B> Drop for Arriving<B> {
    fn drop(&mut self) {
        self.begin();
    }
}

impl<B: HttpBody + Unpin> HttpBody for Arriving<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        match &frame {
            Poll::Ready(Some(Ok(_))) => self.look(),
            Poll::Ready(_) => self.begin(),
            Poll::Pending => {}
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
