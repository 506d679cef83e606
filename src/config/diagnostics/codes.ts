/** Every code that a diagnostic can have, and what it means. Codes are stable: scripts match on them. */
export const CODES = {
  // The file as text
  missing_config: 'the config file is not there',
  unreadable_file: 'a file can not be read, is too large, or is not UTF-8',
  yaml_syntax: 'the text is not YAML, or uses a part of it that is not supported',
  multiple_documents: 'the file holds more than one YAML document',
  duplicate_key: 'a key stands twice in one map',
  too_many_aliases: 'an alias contains itself, or aliases multiply the file beyond measure',
  too_deep: 'maps and lists are nested too deeply',

  // Values
  unknown_key: 'a key is not part of the format',
  missing_key: 'a required key is not there',
  invalid_type: 'a map, a list or a single value stands where another of the three belongs',
  invalid_value: 'a value is not of the form that its key asks for',
  bad_interpolation: 'a `${` is never closed, or holds something else than the known forms',
  unset_variable: 'an environment variable without a default is not set',
  unused_key: 'a key means nothing beside the others (a warning)',

  // Listening
  unsafe_bind: 'callers from other machines would be let in without an access token',
  closed_admin_api: 'the admin API wants a token, and none is set: nobody can use it (a warning)',
  duplicate_address: 'both listeners have the same address',

  // Providers
  unknown_profile: 'no profile has that name',
  unknown_environment: 'the profile has no such environment',
  missing_environment: 'the profile has environments and none is chosen',
  unknown_credential: 'the profile declares no such credential',
  missing_credential: 'a credential that the profile needs is not there',
  empty_secret: 'a credential or an access token is empty',
  suspicious_secret: 'a credential has white space at an end, or a control character (a warning)',
  missing_endpoint: 'the profile needs a URL that neither its environment nor `endpoints` gives',
  scope_too_many: 'more scopes than the provider takes',
  unknown_scope: 'a scope that the profile does not know (a warning)',

  // Routes
  unknown_provider: 'no provider has that name',
  missing_upstream: 'neither the route nor its provider says where requests go',
  simulator_remote_upstream: 'what the simulator gives out would go to another machine (a warning)',
  duplicate_name: 'two routes have the same name',
  duplicate_route: 'two routes can not be told apart',
  unreachable_route: 'a route can never win, as earlier ones match all that it matches',
  shadowed_upstream:
    'a route never wins at the forward doors, as others lead to the same upstream or below it (a warning)',
  unreachable_path: 'no request can have the path that a route matches',
  no_routes: 'there is no route at all (a warning)',

  // Profiles
  profile_cycle: 'profiles extend each other in a circle',
  template_syntax: 'a `{{ }}` can not be read',
  unknown_template_name: 'a template names something that does not exist, or not there',
  unknown_filter: 'a template uses a filter that does not exist',
  template_cycle: 'values or credentials name each other in a circle',
} as const;

export type DiagnosticCode = keyof typeof CODES;
