import com.sun.mail.smtp.SMTPTransport;
import java.io.File;
import java.io.IOException;
import java.util.Arrays;
import java.util.Date;
import java.util.Map;
import javax.mail.Message;
import javax.mail.MessagingException;
import javax.mail.Session;
import javax.mail.internet.InternetAddress;
import javax.mail.internet.MimeBodyPart;
import javax.mail.internet.MimeMessage;
import javax.mail.internet.MimeMultipart;

/** Mail that is written and submitted. */
final class Letters {
    void addTo(Map<String, Workplace.Command> commands) {
        commands.put("send", this::send);
    }

    /** Protocol, port, user, password, sender, recipients, subject, text, attached file, properties: sent. */
    private void send(String... given) throws MessagingException, IOException {
        var session = Session.getInstance(Workplace.properties(Arrays.copyOfRange(given, 9, given.length)));
        var message = new MimeMessage(session);
        message.setFrom(new InternetAddress(given[4]));
        message.setRecipients(Message.RecipientType.TO, InternetAddress.parse(given[5]));
        message.setSubject(given[6], "UTF-8");
        message.setSentDate(new Date());
        var text = new MimeBodyPart();
        text.setText(given[7], "UTF-8");
        var paper = new MimeBodyPart();
        paper.attachFile(new File(given[8]));
        message.setContent(new MimeMultipart(text, paper));
        message.saveChanges();
        try (var transport = (SMTPTransport) session.getTransport(given[0])) {
            transport.connect("localhost", Integer.parseInt(given[1]), given[2], given[3]);
            transport.sendMessage(message, message.getAllRecipients());
            Workplace.say(message.getMessageID(), transport.getLastServerResponse().strip());
        }
    }
}
