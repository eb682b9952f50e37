/* Runs inside Thunderbird, behind the product's setup.js and in front of each call of driver.py. */
const messagePane = () => mailPane().messageBrowser.contentWindow;
const bySubject = (folder, subject) =>
  Array.from(folder.messages).find(header => header.mime2DecodedSubject == subject);

/* A state of encryption or signature by its name. */
function named(status) {
  const names = Ci.nsICMSMessageErrors;
  return status == -1 ? "NONE" : Object.keys(names).find(key => names[key] === status) ?? `${status}`;
}

const DRIVE = {
  async arrival(subject, ms) {
    const folder = await inbox();
    await until(`message "${subject}"`, () => bySubject(folder, subject), ms);
  },

  async kept(subject) {
    const folder = await inbox();
    await until(`"${subject}" in the store`, () => folder.hasMsgOffline(bySubject(folder, subject).messageKey));
  },

  async gone(subject) {
    const folder = await inbox();
    await until(`end of "${subject}"`, () => !bySubject(folder, subject), 30000);
  },

  async star(subject) {
    const folder = await inbox();
    folder.markMessagesFlagged([bySubject(folder, subject)], true);
  },

  async starred(subject) {
    const folder = await inbox();
    await until(`star of "${subject}"`, () => bySubject(folder, subject)?.isFlagged, 30000);
  },

  /* As a click in the list does; returns what Thunderbird says of the message. */
  async open(subject) {
    const pane = mailPane(), folder = await inbox();
    const header = await until("message", () => bySubject(folder, subject));
    const row = await until("row", () => {
      const index = pane.gDBView.findIndexOfMsgHdr(header, true);
      return index >= 0 && index < 1e6 ? { index } : null;
    });
    const uri = folder.getUriForMsg(header);
    let clicked = 0;
    const shown = await until("message pane", () => {
      const view = messagePane();
      if (view?.gMessageURI == uri && view.msgLoaded) return view;
      if (Date.now() > clicked + 5000) {                // a click on a list that is still being drawn is lost
        pane.threadTree.selectedIndex = -1;
        pane.threadTree.selectedIndex = row.index;
        clicked = Date.now();
      }
      return null;
    }, 30000);
    await until("S/MIME state", () => shown.gSmimeMsgLoadedFired !== false
      && (shown.gReceivedSignatureCount ?? 0) >= (shown.gExpectedSignatureCount ?? 0));
    await until("both S/MIME states", () => shown.gEncryptionStatus == -1 || shown.gSignatureStatus != -1
      || shown.gEncryptionStatus != Ci.nsICMSMessageErrors.SUCCESS, 5000).catch(() => null);
    return DRIVE.view();
  },

  view() {
    const view = messagePane();
    const shown = id => !view.document.getElementById(id).hidden;
    return {
      subject: view.gMessage.mime2DecodedSubject,
      encryption: named(view.gEncryptionStatus), signature: named(view.gSignatureStatus),
      encrypted_icon: shown("encryptedHdrIcon"), signed_icon: shown("signedHdrIcon"),
      signer: view.gSignerCert?.emailAddress ?? null,
      body: view.getMessagePaneBrowser().contentDocument.body?.textContent ?? "",
      attachments: view.currentAttachments.map(one => one.name),
    };
  },

  /* The octets of the open message's attachment, in base64. */
  async attachment(name) {
    const found = messagePane().currentAttachments.find(one => one.name == name);
    if (!found) throw new Error(`no attachment ${name}`);
    const { NetUtil } = ChromeUtils.importESModule("resource://gre/modules/NetUtil.sys.mjs");
    const channel = NetUtil.newChannel({ uri: found.url, loadUsingSystemPrincipal: true });
    return new Promise((resolve, reject) => NetUtil.asyncFetch(channel, (stream, status) => {
      if (!Components.isSuccessCode(status)) reject(new Error(`attachment: 0x${status.toString(16)}`));
      else resolve(btoa(NetUtil.readInputStreamToString(stream, stream.available())));
    }));
  },

  /* The message as View Source shows it, in base64. */
  async source(subject) {
    const folder = await inbox(), uri = folder.getUriForMsg(bySubject(folder, subject)), octets = [];
    await new Promise((resolve, reject) => MailServices.messageServiceFromURI(uri).streamMessage(uri, {
      QueryInterface: ChromeUtils.generateQI(["nsIStreamListener", "nsIRequestObserver"]),
      onStartRequest() {},
      onDataAvailable(_, stream, __, count) {
        const binary = Cc["@mozilla.org/binaryinputstream;1"].createInstance(Ci.nsIBinaryInputStream);
        binary.setInputStream(stream);
        octets.push(binary.readBytes(count));
      },
      onStopRequest: (_, status) => Components.isSuccessCode(status) ? resolve() : reject(new Error(`source: ${status}`)),
    }, null, null, false, ""));
    return btoa(octets.join(""));
  },

  /* Answers the open message, signed and encrypted with S/MIME; returns when the program has sent it. */
  async reply(text) {
    const header = messagePane().gMessage;
    const identity = MailServices.accounts.defaultAccount.defaultIdentity;
    MailServices.compose.OpenComposeWindow(null, header, header.folder.getUriForMsg(header),
      Ci.nsIMsgCompType.ReplyToSender, Ci.nsIMsgCompFormat.PlainText, identity, null, window.msgWindow);
    const composer = await until("compose window", () => {
      const opened = Services.wm.getMostRecentWindow("msgcompose");
      return opened?.composeEditorReady && opened.gLoadingComplete ? opened : null;
    });
    composer.gSelectedTechnologyIsPGP = false;
    composer.gSendEncrypted = composer.gSendSigned = true;
    const secure = composer.gMsgCompose.compFields.composeSecure, to = header.author.match(/[^<\s]+@[^>\s]+/)[0];
    await composer.checkEncryptionState();
    await until(`a valid certificate of ${to}`, () => secure.haveValidCertForEmail(to.toLowerCase()), 15000);
    composer.gMsgCompose.editor.insertText(text);
    composer.goDoCommand("cmd_sendNow");
    await until("end of sending", () => composer.closed, 60000);
  },
  tags: () => MailServices.tags.getAllTags().map(one => one.tag),

  /* Two places of the window show tags: the header of the open message, and its row in the list. */
  async tagged(labels) {
    const joined = new Intl.ListFormat().format(labels);
    const header = () => {
      const box = messagePane().document.querySelector(".header-tags-row");
      return Array.from(box?.checkVisibility() ? box.querySelectorAll("li") : [], one => one.textContent);
    };
    const row = () => {
      const pane = mailPane(), index = pane.gDBView.findIndexOfMsgHdr(messagePane().gMessage, true);
      return pane.threadTree.getRowAtIndex(index).querySelector("thread-card-tags").title;
    };
    await until(`tags "${joined}"`, () => {
      if (header().join() == labels.join() && row() == joined) return true;
      throw new Error(`header: ${header()}; row: ${row()}`);
    }, 20000);
  },

  /* As the key 1 to 9 does that stands beside the tag in the menu. */
  toggleTag(label) {
    const number = DRIVE.tags().indexOf(label) + 1;
    if (!number) throw new Error(`no tag ${label}`);
    mailPane().commandController.doCommand(`cmd_tag${number}`);
  },
};
