import java.io.FileInputStream;
import java.security.cert.CertPathValidator;
import java.security.cert.CertPathValidatorException;
import java.security.cert.CertificateFactory;
import java.security.cert.PKIXParameters;
import java.security.cert.PKIXRevocationChecker;
import java.security.cert.PKIXRevocationChecker.Option;
import java.security.cert.TrustAnchor;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/** Says what Java makes of a path, by OCSP alone, then by lists alone; arguments are the root, then files from the leaf up. */
class Pkix {
    public static void main(String[] arguments) throws Exception {
        var factory = CertificateFactory.getInstance("X.509");
        List<X509Certificate> read = new ArrayList<>();
        for (var name : arguments) {
            try (var file = new FileInputStream(name)) {
                read.add((X509Certificate) factory.generateCertificate(file));
            }
        }
        for (var way : List.of(EnumSet.of(Option.NO_FALLBACK), EnumSet.of(Option.NO_FALLBACK, Option.PREFER_CRLS))) {
            var validator = CertPathValidator.getInstance("PKIX");
            var checker = (PKIXRevocationChecker) validator.getRevocationChecker();
            checker.setOptions(way);
            var parameters = new PKIXParameters(Set.of(new TrustAnchor(read.get(0), null)));
            parameters.addCertPathChecker(checker);
            try {
                validator.validate(factory.generateCertPath(read.subList(1, read.size())), parameters);
                System.out.println("good");
            } catch (CertPathValidatorException error) {
                System.out.println(error.getReason());
            }
        }
    }
}
