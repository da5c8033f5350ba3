//! What a service's messages are: a set of file descriptors, as `protoc --include_imports --descriptor_set_out` writes it.

use prost_reflect::prost_types::method_options::IdempotencyLevel;
use prost_reflect::{DescriptorPool, MessageDescriptor, MethodDescriptor};
use ring::digest::{SHA256, digest};

/// The methods and messages of a service; an empty set where nobody said what they are.
#[derive(Clone, Default)]
pub struct Descriptors {
    pool: DescriptorPool,
    digest: Vec<u8>,
}

impl std::fmt::Debug for Descriptors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Descriptors").field("files", &self.pool.files().len()).finish()
    }
}

impl PartialEq for Descriptors {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl Eq for Descriptors {}

impl Descriptors {
    /// Reads a `FileDescriptorSet` (`google/protobuf/descriptor.proto`), with all that its files import.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        let pool = DescriptorPool::decode(bytes).map_err(|error| error.to_string())?;
        if pool.services().len() == 0 {
            return Err("no service is described in it".to_owned());
        }
        Ok(Self { pool, digest: digest(&SHA256, bytes).as_ref().to_vec() })
    }

    /// The names of the services.
    #[must_use]
    pub fn services(&self) -> Vec<String> {
        self.pool.services().map(|service| service.full_name().to_owned()).collect()
    }

    /// A method, where it is known.
    pub(crate) fn method(&self, service: &str, method: &str) -> Option<Described> {
        let service = self.pool.get_service_by_name(service)?;
        service.methods().find(|known| known.name() == method).map(Described)
    }
}

/// A method that is described.
#[derive(Clone, Debug)]
pub(crate) struct Described(MethodDescriptor);

impl Described {
    pub(crate) fn request(&self) -> MessageDescriptor {
        self.0.input()
    }

    pub(crate) fn response(&self) -> MessageDescriptor {
        self.0.output()
    }

    /// Whether its client may send many messages.
    pub(crate) fn is_client_streaming(&self) -> bool {
        self.0.is_client_streaming()
    }

    /// What kind of call it is, in a word.
    pub(crate) fn kind(&self) -> &'static str {
        match (self.0.is_client_streaming(), self.0.is_server_streaming()) {
            (false, false) => "unary",
            (false, true) => "server",
            (true, false) => "client",
            (true, true) => "both",
        }
    }

    /// Whether it says of itself that it changes nothing.
    pub(crate) fn only_reads(&self) -> bool {
        let options = self.0.method_descriptor_proto().options.as_ref();
        options.is_some_and(|it| it.idempotency_level() == IdempotencyLevel::NoSideEffects)
    }
}
