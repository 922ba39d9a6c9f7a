//! Opens the values that the CRM sealed itself.
//!
//! They are `iv:authTag:ciphertext`, each part standard base64: AES-256-GCM with a 16-byte IV, the key from scrypt
//! (N 16384, r 8, p 1, salt `scalemako-salt-v1`) over the text of `ENCRYPTION_KEY`, no associated data. So they
//! are bound to no slot: **whoever can write to the table can swap them between rows and users** and they still
//! open. Seal them anew on first use, and stop opening them once all are imported.

use aes::Aes256;
use aes_gcm::aead::consts::U16;
use aes_gcm::aead::{AeadInPlace as _, KeyInit as _};
use aes_gcm::{AesGcm, Key};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::keyring::OpenError;
use crate::secret::SecretText;

const SALT: &[u8] = b"scalemako-salt-v1";
/// Bytes of an IV and of a tag.
const BLOCK: usize = 16;

/// Node's `aes-256-gcm` with a 16-byte IV, which ring can't do.
type Cipher = AesGcm<Aes256, U16>;

/// The CRM's key. Zeroised when dropped (scrypt's working memory is not).
///
/// ```compile_fail,E0277
/// fn shown(key: seal::legacy::LegacyKey) -> String { format!("{key:?}") }
/// ```
pub struct LegacyKey(Box<Zeroizing<[u8; 32]>>);

impl LegacyKey {
    /// Derives the key from `ENCRYPTION_KEY` as the CRM has it: the 64 characters themselves, in their own case,
    /// not the bytes they stand for.
    ///
    /// Takes some 30 ms and 16 MiB: once, and off the async threads.
    #[must_use]
    pub fn derive(encryption_key_hex_text: &str) -> Self {
        let mut key = Box::new(Zeroizing::new([0; 32]));
        stretch(encryption_key_hex_text.as_bytes(), key.as_mut_slice());
        Self(key)
    }

    /// Opens a legacy value. Never panics.
    ///
    /// # Errors
    /// [`OpenError`], the same for every cause.
    pub fn open(&self, value: &str) -> Result<SecretText, OpenError> {
        let Parts { iv, tag, mut body } = Parts::read(value).ok_or(OpenError)?;
        Cipher::new(Key::<Cipher>::from_slice(self.0.as_slice()))
            .decrypt_in_place_detached(&iv.into(), b"", &mut body, &tag.into())
            .map_err(|_| OpenError)?;
        SecretText::copied_from(&body).ok_or(OpenError)
    }
}

/// Whether this has the form of a value that the CRM sealed itself. Whether it opens is another question.
#[must_use]
pub fn is_legacy(value: &str) -> bool {
    Parts::read(value).is_some()
}

struct Parts {
    iv: [u8; BLOCK],
    tag: [u8; BLOCK],
    /// Wiped when dropped: it is opened in place.
    body: Zeroizing<Vec<u8>>,
}

impl Parts {
    fn read(value: &str) -> Option<Self> {
        let mut parts = value.split(':').map(|part| STANDARD.decode(part).ok());
        let mut next = || parts.next().flatten();
        let (iv, tag, body) = (next()?, next()?, Zeroizing::new(next()?));
        parts.next().is_none().then_some(())?;
        Some(Self {
            iv: iv.try_into().ok()?,
            tag: tag.try_into().ok()?,
            body,
        })
    }
}

fn stretch(password: &[u8], key: &mut [u8]) {
    let params = scrypt::Params::new(14, 8, 1).expect("N = 2^14, r = 8, p = 1 are valid");
    scrypt::scrypt(password, SALT, &params, key).expect("32 bytes is a valid length");
}
