//! How a handover gets from the supervisor to a worker: through a Unix socket, with the listening sockets beside it.

use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::net::TcpListener;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use nix::unistd::dup2_stdin;
use rustix::cmsg_space;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use serde::{Deserialize, Serialize};

use super::Handover;

/// The kernel takes no more descriptors in one message (`SCM_MAX_FD`).
const DESCRIPTORS_PER_MESSAGE: usize = 253;
const CONTROL_BYTES: usize = cmsg_space!(ScmRights(DESCRIPTORS_PER_MESSAGE));
const BYTES_PER_MESSAGE: usize = 64 * 1024;

/// The listening sockets that a worker is given. `S` is how those of one listener are held.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Sockets<S = Vec<TcpListener>> {
    /// Those of the worker's own slot.
    pub own: SlotSockets<S>,
    /// Those of the neighbour's slot, which the worker accepts from while the neighbour does not. `None` if there is
    /// only one slot.
    pub neighbour: Option<SlotSockets<S>>,
}

/// The listening sockets of one slot, one for each address of a listener.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct SlotSockets<S = Vec<TcpListener>> {
    /// Those for SDKs.
    pub public: S,
    /// Those for who runs the proxy; none if the admin listener is off.
    pub admin: S,
}

/// Why a worker has no handover.
#[derive(Debug, thiserror::Error)]
pub enum HandoverError {
    /// Standard input is no Unix socket, or `/dev/null` cannot take its place.
    #[error("take the handover from standard input, where a supervisor puts it")]
    Take(#[source] io::Error),
    /// What arrived is no handover.
    #[error("read the handover")]
    Read(#[source] serde_json::Error),
    /// More or fewer sockets arrived than the handover announces.
    #[error("take the listening sockets: found {found}, expected {expected}")]
    Count {
        /// How many arrived.
        found: usize,
        /// How many were announced.
        expected: usize,
    },
}

/// What is sent: JSON, and as many descriptors as it says.
#[derive(Serialize, Deserialize)]
struct Message<H> {
    handover: H,
    sockets: Sockets<usize>,
}

impl Handover {
    /// In the supervisor: what the worker needs as its standard input. All of it is in the socket then, so neither side
    /// ever waits for the other.
    ///
    /// # Errors
    ///
    /// If the kernel does not take it all: the text is longer than a socket's buffer, or there are too many descriptors
    /// on their way.
    pub fn give<S: AsRef<[TcpListener]>>(&self, sockets: &Sockets<S>) -> io::Result<OwnedFd> {
        let text = serde_json::to_vec(&Message {
            handover: self,
            sockets: sockets.count(),
        })?;
        let descriptors: Vec<BorrowedFd<'_>> = sockets
            .parts()
            .flat_map(|part| part.as_ref().iter().map(AsFd::as_fd))
            .collect();
        let (near, far) = UnixStream::pair()?;
        send(&near, &text, &[])?;
        for batch in descriptors.chunks(DESCRIPTORS_PER_MESSAGE) {
            // Descriptors need a byte that they are sent with. Behind JSON, blanks mean nothing.
            send(&near, b" ", batch)?;
        }
        Ok(far.into())
    }

    /// In the worker: takes what was given from standard input, which becomes `/dev/null`. To be called once.
    ///
    /// # Errors
    ///
    /// If nothing was given, or not all of it.
    pub fn take() -> Result<(Self, Sockets), HandoverError> {
        let stdin = io::stdin();
        let (text, descriptors) = receive(stdin.as_fd()).map_err(HandoverError::Take)?;
        let null = File::open("/dev/null").map_err(HandoverError::Take)?;
        dup2_stdin(null).map_err(|error| HandoverError::Take(error.into()))?;
        let message: Message<Self> = serde_json::from_slice(&text).map_err(HandoverError::Read)?;
        let (found, expected) = (descriptors.len(), message.sockets.parts().sum());
        if found != expected {
            return Err(HandoverError::Count { found, expected });
        }
        let mut descriptors = descriptors.into_iter().map(TcpListener::from);
        let sockets = message
            .sockets
            .map(|count| descriptors.by_ref().take(*count).collect());
        Ok((message.handover, sockets))
    }
}

impl<S> Sockets<S> {
    /// In the order in which they are sent.
    fn parts(&self) -> impl Iterator<Item = &S> {
        let slots = std::iter::once(&self.own).chain(&self.neighbour);
        slots.flat_map(|slot| [&slot.public, &slot.admin])
    }

    /// The same of what `of` makes of each part, in the order in which they are sent.
    fn map<T>(&self, mut of: impl FnMut(&S) -> T) -> Sockets<T> {
        let mut slot = |slot: &SlotSockets<S>| SlotSockets {
            public: of(&slot.public),
            admin: of(&slot.admin),
        };
        Sockets {
            own: slot(&self.own),
            neighbour: self.neighbour.as_ref().map(slot),
        }
    }
}

impl<S: AsRef<[TcpListener]>> Sockets<S> {
    fn count(&self) -> Sockets<usize> {
        self.map(|part| part.as_ref().len())
    }
}

fn send(socket: &UnixStream, bytes: &[u8], descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); CONTROL_BYTES];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() {
        control.push(SendAncillaryMessage::ScmRights(descriptors));
    }
    let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
    let sent = sendmsg(socket, &[IoSlice::new(bytes)], &mut control, flags)?;
    if sent < bytes.len() {
        let length = bytes.len();
        return Err(io::Error::other(format!(
            "the socket took {sent} of {length} bytes of the handover"
        )));
    }
    Ok(())
}

/// Everything up to the end of the stream.
fn receive(socket: BorrowedFd<'_>) -> io::Result<(Vec<u8>, Vec<OwnedFd>)> {
    let mut text = Vec::new();
    let mut descriptors = Vec::new();
    let mut bytes = vec![0; BYTES_PER_MESSAGE];
    loop {
        let mut space = [MaybeUninit::uninit(); CONTROL_BYTES];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        // Nothing is still to come, and who starts a worker by hand should not wait for it.
        let flags = RecvFlags::DONTWAIT | RecvFlags::CMSG_CLOEXEC;
        let mut into = [IoSliceMut::new(&mut bytes)];
        let received = recvmsg(socket, &mut into, &mut control, flags)?.bytes;
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(rights) = message {
                descriptors.extend(rights);
            }
        }
        if received == 0 {
            return Ok((text, descriptors));
        }
        text.extend_from_slice(&bytes[..received]);
    }
}
