import com.sun.mail.imap.OlderTerm;
import com.sun.mail.imap.SortTerm;
import com.sun.mail.imap.YoungerTerm;
import java.time.Instant;
import java.util.Date;
import java.util.LinkedHashMap;
import java.util.Map;
import javax.mail.Flags;
import javax.mail.Message;
import javax.mail.search.AndTerm;
import javax.mail.search.BodyTerm;
import javax.mail.search.ComparisonTerm;
import javax.mail.search.FlagTerm;
import javax.mail.search.FromStringTerm;
import javax.mail.search.HeaderTerm;
import javax.mail.search.MessageIDTerm;
import javax.mail.search.NotTerm;
import javax.mail.search.OrTerm;
import javax.mail.search.ReceivedDateTerm;
import javax.mail.search.RecipientStringTerm;
import javax.mail.search.SearchTerm;
import javax.mail.search.SentDateTerm;
import javax.mail.search.SizeTerm;
import javax.mail.search.SubjectTerm;

/** Names for what is searched, sorted by and set. */
final class Terms {
    private static final Date LONG_AGO = Date.from(Instant.parse("2020-01-01T00:00:00Z"));
    private static final SearchTerm SEEN = new FlagTerm(new Flags(Flags.Flag.SEEN), true);
    private static final SearchTerm SUMMER = new SubjectTerm("été");

    static final Map<String, SearchTerm> ALL = new LinkedHashMap<>();
    static final Map<String, SortTerm> ORDERS =
            Map.of("reverse", SortTerm.REVERSE, "size", SortTerm.SIZE, "subject", SortTerm.SUBJECT, "date", SortTerm.DATE);
    static final Map<String, Flags.Flag> SYSTEM_FLAGS =
            Map.of(
                    "\\Answered", Flags.Flag.ANSWERED,
                    "\\Deleted", Flags.Flag.DELETED,
                    "\\Draft", Flags.Flag.DRAFT,
                    "\\Flagged", Flags.Flag.FLAGGED,
                    "\\Seen", Flags.Flag.SEEN);

    static {
        ALL.put("seen", SEEN);
        ALL.put("not seen", new NotTerm(SEEN));
        ALL.put("keyword", new FlagTerm(new Flags("$mss_prepa"), true));
        ALL.put("subject", new SubjectTerm("ordonnance"));
        ALL.put("subject with accents", SUMMER);
        ALL.put("subject or seen", new OrTerm(SUMMER, SEEN));
        ALL.put("subject and not seen", new AndTerm(SUMMER, new NotTerm(SEEN)));
        ALL.put("from", new FromStringTerm("dominique"));
        ALL.put("to", new RecipientStringTerm(Message.RecipientType.TO, "officine"));
        ALL.put("header", new HeaderTerm("X-Patient", "fictif"));
        ALL.put("message id", new MessageIDTerm("<2@javamail.test>"));
        ALL.put("body", new BodyTerm("à préparer"));
        ALL.put("larger", new SizeTerm(ComparisonTerm.GT, 2000));
        ALL.put("sent before", new SentDateTerm(ComparisonTerm.LT, LONG_AGO));
        ALL.put("received since", new ReceivedDateTerm(ComparisonTerm.GE, LONG_AGO));
        ALL.put("younger", new YoungerTerm(3600));
        ALL.put("older", new OlderTerm(3600));
    }

    private Terms() {}
}
