/* Runs inside Thunderbird (chrome context; `window` is the main window), in front of each call of setup.py. */
const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
const certificates = Cc["@mozilla.org/security/x509certdb;1"].getService(Ci.nsIX509CertDB);
const USAGES = {
  signing_cert: Ci.nsIX509CertDB.verifyUsageEmailSigner,
  encryption_cert: Ci.nsIX509CertDB.verifyUsageEmailRecipient,
};

const pause = ms => new Promise(resolve => window.setTimeout(resolve, ms));

/* The text of a modal question on screen: nobody is there to answer it, so whoever waits must fail. */
function question() {
  for (const opened of Services.wm.getEnumerator(null)) {
    if (opened.location.href.includes("commonDialog")) return opened.document.getElementById("infoBody")?.textContent;
  }
  return null;
}

/* What `look` returns as soon as it is true; the program offers no event for most of what we wait for. */
async function until(what, look, ms = 60000) {
  const end = Date.now() + ms;
  for (;;) {
    let found = null, failure = "";
    try { found = look(); } catch (error) { failure = ` (${error})`; }
    if (found) return found;
    if (question()) throw new Error(`Thunderbird asks: ${question()}`);
    if (Date.now() > end) throw new Error(`waited ${ms} ms in vain for ${what}${failure}`);
    await pause(20);
  }
}

function file(path) {
  const found = Cc["@mozilla.org/file/local;1"].createInstance(Ci.nsIFile);
  found.initWithPath(path);
  return found;
}

async function remember(scheme, account) {
  const login = Cc["@mozilla.org/login-manager/loginInfo;1"].createInstance(Ci.nsILoginInfo);
  const origin = `${scheme}://${account.host}`;
  login.init(origin, null, origin, account.login, account.password, "", "");
  await Services.logins.addLoginAsync(login);
}

const incoming = () => MailServices.accounts.allServers.find(server => server.type == "imap");
const mailPane = () => document.getElementById("tabmail").currentAbout3Pane;
const inbox = () => until("INBOX", () => incoming().rootFolder.getFolderWithFlags(Ci.nsMsgFolderFlags.Inbox));

/* The first certificate of ours that names `address` and that Thunderbird itself finds good for `usage`. */
async function firstUsable(address, usage) {
  for (const one of certificates.getCerts()) {
    if (!(one.certType & Ci.nsIX509Cert.USER_CERT) || !one.containsEmailAddress(address)) continue;
    const failure = await new Promise(resolve => certificates.asyncVerifyCertAtTime(one, usage, 0, "",
      Math.floor(Date.now() / 1000), [], { verifyCertFinished: resolve }));
    if (!failure) return one;
  }
  return null;
}

const SETUP = {
  trustAuthority: base64 => certificates.addCertFromBase64(base64, "CTu,CTu,CTu"),

  importIdentity(path, passphrase) {
    const status = certificates.importPKCS12File(file(path), passphrase);
    if (status) throw new Error(`PKCS#12 refused, error ${status}`);
  },

  /* One IMAP account with submission and, where certificates of its address were imported, S/MIME. */
  async createAccount(account) {
    const { External, none, passwordCleartext } = Ci.nsMsgAuthMethod;
    const server = MailServices.accounts.createIncomingServer(account.login, account.host, "imap");
    server.port = account.imaps;
    server.socketType = Ci.nsMsgSocketType.SSL;
    server.authMethod = account.certificate ? External : passwordCleartext;
    server.password = account.password;
    server.prettyName = account.name;
    server.doBiff = server.loginAtStartUp = server.valid = true;
    const out = MailServices.outgoingServer.createServer("smtp");
    out.QueryInterface(Ci.nsISmtpServer);
    out.hostname = account.host;
    out.port = account.submission;
    out.username = account.login;
    out.password = account.password;
    out.socketType = Ci.nsMsgSocketType.alwaysSTARTTLS;
    out.authMethod = account.certificate ? none : passwordCleartext; // it has no EXTERNAL here; to show the certificate is enough
    if (!account.certificate) for (const scheme of ["imap", "smtp"]) await remember(scheme, account);
    const identity = MailServices.accounts.createIdentity();
    identity.email = account.address;
    identity.fullName = account.name;
    identity.smtpServerKey = out.key;
    for (const [purpose, usage] of Object.entries(USAGES)) {
      const own = await firstUsable(account.address, usage);
      if (!own) continue;
      identity.setUnicharAttribute(`${purpose}_name`, own.commonName);
      identity.setCharAttribute(`${purpose}_dbkey`, own.dbKey);
    }
    const whole = MailServices.accounts.createAccount();
    whole.addIdentity(identity);
    whole.incomingServer = server;
    MailServices.accounts.defaultAccount = whole;
  },

  async openInbox() {
    const pane = await until("mail tab", mailPane);
    incoming().performExpand(window.msgWindow);
    const folder = await inbox();
    pane.displayFolder(folder.URI);
    await until("folder view", () => pane.gFolder == folder && pane.gDBView);
  },
};
