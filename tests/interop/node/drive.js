
// Appended to the recipe: obeys one JSON array a line, [name, argument…], and answers each with one line.
const byUid = { uid: true };
const CALLS = {
  open: async () => {
    await imap.connect();
    return (await imap.mailboxOpen("INBOX")).exists;
  },
  uids: () => imap.noop().then(() => imap.search({ all: true }, byUid)),
  octets: async (uid) => (await imap.fetchOne(`${uid}`, { source: true }, byUid)).source.toString("base64"),
  flags: async (uid) => [...(await imap.fetchOne(`${uid}`, { flags: true }, byUid)).flags],
  flag: (uid, flag) => imap.messageFlagsAdd(`${uid}`, [flag], byUid),
  changedSince: async (modseq) => {
    const found = await imap.fetchAll("1:*", { flags: true }, { ...byUid, changedSince: BigInt(modseq) });
    return found.map(({ uid }) => uid);
  },
  arrival: () => {
    const told = new Promise((resolve) => {
      imap.once("exists", ({ count }) => resolve(count));
      setTimeout(resolve, 20_000, 0).unref();
    });
    imap.idle();
    return told;
  },
  close: () => imap.logout().then(() => null),
};

(async () => {
  for await (const line of require("node:readline").createInterface({ input: process.stdin })) {
    const [name, ...given] = JSON.parse(line);
    console.log(JSON.stringify(await CALLS[name](...given)));
    if (name === "close") break;
  }
})();
