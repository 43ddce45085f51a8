//! `master-key`: the recovery sheet once more.

use crate::args::Place;
use crate::data_dir::DataDir;
use crate::failure::Outcome;
use crate::install::environment;
use crate::{config, output};
use coffer_crypto::MasterKey;

/// What losing the key means; printed with every sheet.
const WARNING: &str = "Keep it where the server is not, and show it to nobody. Whoever has it and a copy of the\n\
    data still needs the users' passwords; but if it is lost, every file on this server is lost.\n\
    Nobody can bring it back: not you, not the authors of Coffer.";

/// The text of a recovery sheet.
pub(crate) fn sheet(master: &MasterKey) -> zeroize::Zeroizing<String> {
    let text = master.to_file_text();
    zeroize::Zeroizing::new(format!(
        "Recovery sheet of the master key (print it, or write it down):\n\n    {}\n\n{WARNING}",
        text.trim_end()
    ))
}

/// Prints the sheet, after the key has proved to be the right one.
pub(crate) fn show(place: &Place) -> Outcome {
    let data = DataDir::new(&place.data);
    let marker = data.marker()?;
    let config = config::load(data.root(), &environment())?;
    data.secret(&config, &marker)?;
    output::line(&sheet(&data.master_key(&config)?).as_str());
    Ok(())
}
