//! What is known of a connection below what wraps it.

/// Says of a wrapper with a field `stream` what its stream says: whose connection it is, how it is secured, and since when.
macro_rules! known_of_stream {
    ($wrapper:ty) => {
        impl UniqueID for $wrapper {
            fn id(&self) -> UniqueIDType {
                self.stream.id()
            }
        }

        impl Ssl for $wrapper {
            fn get_ssl(&self) -> Option<&TlsRef> {
                self.stream.get_ssl()
            }

            fn get_ssl_digest(&self) -> Option<Arc<SslDigest>> {
                self.stream.get_ssl_digest()
            }

            fn selected_alpn_proto(&self) -> Option<ALPN> {
                self.stream.selected_alpn_proto()
            }
        }

        impl GetTimingDigest for $wrapper {
            fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
                self.stream.get_timing_digest()
            }

            fn get_read_pending_time(&self) -> Duration {
                self.stream.get_read_pending_time()
            }

            fn get_write_pending_time(&self) -> Duration {
                self.stream.get_write_pending_time()
            }
        }

        impl GetProxyDigest for $wrapper {
            fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
                self.stream.get_proxy_digest()
            }
        }

        impl GetSocketDigest for $wrapper {
            fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
                self.stream.get_socket_digest()
            }
        }
    };
}

pub(super) use known_of_stream;
