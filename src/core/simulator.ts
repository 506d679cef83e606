/** The name of the environment in which a built-in simulator takes the provider's place. */
export const SIMULATOR = 'simulator';
