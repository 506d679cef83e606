/** The environment in which a built-in simulator stands in for the provider. */
export const SIMULATOR = 'simulator';
