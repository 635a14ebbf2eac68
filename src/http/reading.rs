//! An answer that is given before the whole request was read is the last one of its connection. Otherwise the server reads the
//! rest and drops it, and then the next request, before the answer has gone out: whoever sends many of them and reads nothing
//! has it keep all of their answers.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use axum::body::Body;
use hyper::Request;
use hyper::body::{Body as HttpBody, Bytes, Frame, Incoming, SizeHint};

use super::room::Seat;

/// How far the body of a request has been read.
pub struct Reading(Option<Arc<AtomicBool>>);

impl Reading {
    /// Of this request from now on. Its connection is at work once it was read to its end.
    pub fn of(request: Request<Incoming>, seat: &Arc<Seat>) -> (Self, Request<Body>) {
        if request.body().is_end_stream() {
            return (Self(None), request.map(Body::new));
        }
        let is_over = Arc::<AtomicBool>::default();
        let reading = Self(Some(Arc::clone(&is_over)));
        let seat = Arc::clone(seat);
        let watched = |body| {
            Body::new(Watched {
                body,
                is_over,
                seat,
            })
        };
        (reading, request.map(watched))
    }

    /// Whether it was read to its end.
    pub fn is_over(&self) -> bool {
        let Self(body) = self;
        body.as_ref()
            .is_none_or(|is_over| is_over.load(Ordering::Relaxed))
    }
}

struct Watched {
    body: Incoming,
    is_over: Arc<AtomicBool>,
    seat: Arc<Seat>,
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if frame.is_none() || self.body.is_end_stream() {
            self.is_over.store(true, Ordering::Relaxed);
            if !self.seat.works() {
                // Dropped in a moment, with its connection.
                return Poll::Pending;
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
