//! One connection: whoever has not said who they are may have to make room.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use http::Response;
use pingora_core::apps::ServerApp;
use pingora_core::apps::http_app::ServeHttp;
use pingora_core::protocols::Stream;
use pingora_core::protocols::http::ServerSession;
use pingora_core::server::ShutdownWatch;
use tokio::sync::oneshot;

use crate::busy::Place;
use crate::{Admin, Gateway};

/// What one connection's caller has.
pub(crate) struct LetIn {
    tell: Mutex<Option<oneshot::Sender<()>>>,
    place: Mutex<Option<Place>>,
}

impl LetIn {
    /// Keeps the caller's place until the connection ends.
    pub(crate) fn keep(&self, place: Place) {
        *self.place.lock().unwrap_or_else(PoisonError::into_inner) = Some(place);
    }

    /// Tells once that a caller is let in.
    pub(crate) fn tell(&self) {
        let tell = self.tell.lock().unwrap_or_else(PoisonError::into_inner).take();
        // Nobody waits for it where the connection is being given up.
        tell.map(|tell| tell.send(()));
    }
}

struct Connection<G> {
    admin: Arc<Admin<G>>,
    let_in: LetIn,
}

#[async_trait]
impl<G: Gateway> ServeHttp for Connection<G> {
    async fn response(&self, session: &mut ServerSession) -> Response<Vec<u8>> {
        self.admin.response(session, &self.let_in).await
    }
}

impl<G: Gateway> Admin<G> {
    /// Serves one connection to its end. It is given up when `pushed_out` ends, until a caller of it is let in; then
    /// `pushed_out` is dropped.
    pub async fn serve(
        self: &Arc<Self>,
        stream: Stream,
        stop: &ShutdownWatch,
        pushed_out: impl Future<Output = ()> + Send,
    ) {
        let (tell, is_in) = oneshot::channel();
        let let_in = LetIn { tell: Mutex::new(Some(tell)), place: Mutex::default() };
        let connection = Arc::new(Connection { admin: Arc::clone(self), let_in });
        let unwanted = async {
            tokio::select! {
                biased;
                // Whoever is in is not pushed out any more.
                _ = is_in => std::future::pending().await,
                () = pushed_out => {}
            }
        };
        tokio::select! {
            _ = connection.process_new(stream, stop) => {}
            () = unwanted => {}
        }
    }
}
