/* Runs inside Thunderbird, behind drive.js and in front of each call of judging.py. */
const SHOWN = ".moz-text-plain, .moz-text-flowed, .moz-text-html";

const JUDGE = {
  /* Whether a message to `address` would be encrypted to this certificate; no other of the address is known. */
  async encryptsTo(base64, address) {
    const bytes = Uint8Array.from(atob(base64), one => one.charCodeAt(0));
    certificates.importEmailCertificate(bytes, bytes.length, null);
    const secure = Cc["@mozilla.org/messengercompose/composesecure;1"].createInstance(Ci.nsIMsgComposeSecure);
    const found = await new Promise(resolve => secure.asyncFindCertByEmailAddr(address, {
      QueryInterface: ChromeUtils.generateQI(["nsIDoneFindCertForEmailCallback"]),
      findCertDone: (_, certificate) => resolve(certificate),
    }));
    const own = certificates.constructX509FromBase64(base64).sha256Fingerprint;
    const imported = certificates.getCerts().filter(one => one.sha256Fingerprint == own);
    if (!imported.length) throw new Error("not imported");
    imported.forEach(one => certificates.deleteCertificate(one));
    return found?.sha256Fingerprint == own;
  },

  /* The messages in these files are in a folder, and the folder is on screen; the last one has a text that can be read. */
  async fill(paths) {
    MailServices.accounts.createLocalMailAccount();
    const root = MailServices.accounts.localFoldersServer.rootFolder.QueryInterface(Ci.nsIMsgLocalMailFolder);
    const folder = root.createLocalSubfolder("Broken");
    for (const path of paths) {
      await new Promise((resolve, reject) => MailServices.copy.copyFileMessage(file(path), folder, null, false, 0, "", {
        QueryInterface: ChromeUtils.generateQI(["nsIMsgCopyServiceListener"]),
        onStartCopy() {}, onProgress() {}, setMessageKey() {}, getMessageId: () => null,
        onStopCopy: status => Components.isSuccessCode(status) ? resolve() : reject(new Error(`copy: ${status}`)),
      }, null));
    }
    const pane = await until("mail tab", mailPane);
    pane.displayFolder(folder.URI);
    await until("folder view", () => pane.gFolder == folder && pane.gDBView?.rowCount == paths.length);
    // the pane makes itself anew for the first message that it shows
    pane.threadTree.selectedIndex = paths.length - 1;
    await until("a message", () => messagePane().getMessagePaneBrowser().contentDocument.querySelector(SHOWN));
  },

  /* What is shown of the message in this row: the states, and the text of its body. */
  async show(subject) {
    const pane = mailPane(), header = bySubject(pane.gFolder, subject);
    const uri = pane.gFolder.getUriForMsg(header);
    // Thunderbird 153 never forgets which part of a triple-wrapped message it ignores, and ignores it in the next ones
    messagePane()?.setIgnoreStatusFromMimePart?.(null);
    pane.threadTree.selectedIndex = pane.gDBView.findIndexOfMsgHdr(header, true);
    const view = await until("message pane", () => {
      const view = messagePane();
      if (view?.gMessageURI != uri) return null;
      const whole = view.msgLoaded && view.gSmimeMsgLoadedFired && view.gReceivedSignatureCount >= view.gExpectedSignatureCount;
      return whole || refused(view) ? view : null;
    });
    const shown = view.getMessagePaneBrowser().contentDocument?.querySelectorAll(SHOWN) ?? [];
    return {
      encryption: named(view.gEncryptionStatus), signature: named(view.gSignatureStatus),
      text: Array.from(shown, one => one.textContent).join("").trim(),
    };
  },
};

/* Its page "cannot decrypt" has taken the place of the message on screen. */
function refused(view) {
  return view.gMyLastEncryptedURI == view.gMessageURI
    && ![-1, Ci.nsICMSMessageErrors.SUCCESS, Ci.nsICMSMessageErrors.ENCRYPT_INCOMPLETE].includes(view.gEncryptionStatus)
    && view.getMessagePaneBrowser().currentURI.spec.startsWith("data:text/html");
}
