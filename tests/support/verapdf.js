// Drives veraPDF's own validator in Rhino's shell: FLAVOUR FILE... The profiles are the ones in
// its archive; they are read here, since the archive lacks an implementation of JAXB.
var vera = Packages.org.verapdf;
var profiles = vera.pdfa.validation.profiles.Profiles;
var flavour = vera.pdfa.flavours.PDFAFlavour.fromString(arguments[0]);

function text(node, name) {
  var found = node.getElementsByTagName(name);
  return found.getLength() ? String(found.item(0).getTextContent()) : "";
}

function profile(name) {
  var path = "org/verapdf/pdfa/validation/PDFA-" + name + ".xml";
  var builder = javax.xml.parsers.DocumentBuilderFactory.newInstance().newDocumentBuilder();
  var tree = builder.parse(java.lang.ClassLoader.getSystemResourceAsStream(path));
  var rules = new java.util.HashSet(), variables = new java.util.HashSet();
  var list = tree.getElementsByTagName("rule");
  for (var n = 0; n < list.getLength(); n++) {
    var rule = list.item(n), id = rule.getElementsByTagName("id").item(0);
    var test = new java.lang.Integer(id.getAttribute("testNumber")).intValue();
    rules.add(profiles.ruleFromValues(
      profiles.ruleIdFromValues(flavour.getPart(), id.getAttribute("clause"), test),
      rule.getAttribute("object"),
      rule.getAttribute("deferred") == "true" ? java.lang.Boolean.TRUE : java.lang.Boolean.FALSE,
      String(rule.getAttribute("tags")), text(rule, "description"), text(rule, "test"),
      profiles.errorFromValues(text(rule, "message"), new java.util.ArrayList()),
      new java.util.ArrayList()));
  }
  list = tree.getElementsByTagName("variable");
  for (n = 0; n < list.getLength(); n++) {
    var one = list.item(n);
    variables.add(profiles.variableFromValues(
      one.getAttribute("name"), one.getAttribute("object"),
      text(one, "defaultValue"), text(one, "value")));
  }
  var about = profiles.profileDetailsFromValues(name, name, "veraPDF", new java.util.Date());
  return profiles.profileFromValues(flavour, about, "", rules, variables);
}

vera.gf.foundry.VeraGreenfieldFoundryProvider.initialise();
var foundry = vera.pdfa.Foundries.defaultInstance();
var chosen = profile(arguments[0].toUpperCase());
for (var n = 1; n < arguments.length; n++) {
  var parser = foundry.createParser(new java.io.File(arguments[n]), flavour);
  var result = foundry.createValidator(chosen, false).validate(parser);
  print("RESULT\t" + arguments[n] + "\t" + result.isCompliant() + "\t" + result.getTotalAssertions());
  var seen = result.getTestAssertions().iterator();
  while (seen.hasNext()) {
    var found = seen.next();
    if (String(found.getStatus()) == "failed")
      print("FAILED\t" + found.getRuleId().getClause() + "-" + found.getRuleId().getTestNumber()
        + " " + found.getMessage() + " at " + found.getLocation().getContext());
  }
  parser.close();
}
